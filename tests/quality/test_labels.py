"""Labels that were lost, changed or are there too often, against a slow reference."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import isnan

import pytest

from tests.examples import example
from tests.quality.span_units import alone, at_random, check_independence, columns, linked
from xltpipe.quality.labels import SCORERS, Class, Labels
from xltpipe.types import Example, Placement, Span, Unit

PAIR = Unit(Example("1", "eng", ("a",)), Example("1", "spa", ("a",)))


@pytest.mark.parametrize(
    ("placed", "expected"),
    [([], 1.0), ([0], 1.0), ([0, None], 0.5), ([None, None], 0.0), ([None, 0, 1, None], 0.5)],
)
def test_spans_placed(placed: list[int | None], expected: float) -> None:
    names = "abcd"[: len(placed)]
    given = example("abcd", *((n, "X") for n in names))
    found = example("abcd", *((names[t], "X") for t in placed if t is not None), lang="spa")
    placements = tuple(Placement(k, target, "m") for k, target in enumerate(placed))
    assert alone(Labels(), Unit(given, found, placements=placements))["spans_placed"] == expected


def test_a_span_without_any_placement_is_lost() -> None:
    unit = linked("Ana, Bob", "Ana, Bob", ("Ana", "Ana"), ("Bob", "Bob"))
    assert alone(Labels(), replace(unit, placements=unit.placements[:1]))["spans_placed"] == 0.5
    # but nobody has projected this one
    assert alone(Labels(), replace(unit, placements=()))["spans_placed"] == 1


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("", "", 1.0),
        ("AB", "BA", 1.0),
        ("AB", "A", 0.5),
        ("A", "AA", 0.5),
        ("AB", "BB", 1 / 3),
        ("A", "B", 0.0),
        ("", "A", 0.0),
        ("AAAA", "AAA", 0.75),
    ],
)
def test_labels_kept(source: str, target: str, expected: float) -> None:
    ours, theirs = (
        Example("1", lang, ("王芳在北京",), tuple(Span(n, n + 1, c) for n, c in enumerate(names)))
        for lang, names in (("zho", source), ("eng", target))
    )
    assert alone(Labels(), Unit(ours, theirs))["labels_kept"] == pytest.approx(expected)


def test_swapped_labels_are_seen() -> None:
    unit = linked("Ana in Rome", "Ana en Roma", ("Ana", "Ana"), ("Rome", "Roma"))
    first, second = unit.source.spans
    ours = replace(unit.source, spans=(replace(first, label="PER"), replace(second, label="LOC")))
    first, second = unit.target.spans
    right = replace(unit.target, spans=(replace(first, label="PER"), replace(second, label="LOC")))
    wrong = replace(unit.target, spans=(replace(first, label="LOC"), replace(second, label="PER")))
    assert alone(Labels(), replace(unit, source=ours, target=right))["label_changed"] == 0
    found = alone(Labels(), replace(unit, source=ours, target=wrong))
    assert found["label_changed"] == 2
    assert found["labels_kept"] == 1


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [("a", "a", 1), ("a", "b", 0), ("a", None, 0), (None, None, None), (None, "a", None)],
)
def test_class_kept(source: str | None, target: str | None, expected: float | None) -> None:
    unit = Unit(replace(PAIR.source, label=source), replace(PAIR.target, label=target))
    found = alone(Class(), unit)["class_kept"]
    assert isnan(found) if expected is None else found == expected
    # beside a row that has a class
    beside = columns(Class(), [unit, Unit(replace(PAIR.source, label="z"), PAIR.target)])
    assert beside["class_kept"] == pytest.approx([found, 0.0], nan_ok=True)


def _slow(unit: Unit) -> dict[str, float]:
    ours, theirs = (Counter(s.label for s in e.spans) for e in (unit.source, unit.target))
    apart = sum(abs(ours[n] - theirs[n]) for n in {*ours, *theirs})
    most = sum(max(ours[n], theirs[n]) for n in {*ours, *theirs})
    placed = [p for p in unit.placements if p.target is not None]
    spans = len(unit.source.spans)
    return {
        "spans_placed": len(placed) / spans if spans and unit.placements else 1.0,
        "label_changed": sum(
            unit.source.spans[p.source].label != unit.target.spans[p.target].label  # type: ignore[index]
            for p in placed
        ),
        "labels_kept": 1 - apart / most if most else 1.0,
    }


def test_as_the_slow_way() -> None:
    units = at_random(300)
    found = columns(Labels(), units)
    for n, unit in enumerate(units):
        for name, value in _slow(unit).items():
            assert found[name][n] == pytest.approx(value), name


@pytest.mark.parametrize("scorer", SCORERS)
def test_each_row_is_scored_alone(scorer: Labels | Class) -> None:
    check_independence(scorer, at_random(60, seed=1))
