"""Faults made on purpose: each changes what it says, and nothing else."""

from __future__ import annotations

import pytest

from xltpipe import tables
from xltpipe.errors import RecipeError
from xltpipe.quality.corruption import KINDS, corrupt
from xltpipe.types import Example, Placement, Span, Translation, Unit

ROWS = [
    (
        "Ana Ruiz did not see 12 ships in Lima yesterday.",
        "Ana Ruiz no vio 12 barcos en Lima ayer por la tarde.",
        [("Ana Ruiz", "PER"), ("Lima", "LOC")],
    ),
    (
        "Omar never sold the 7 houses near Quito to anybody.",
        "Omar nunca vendió las 7 casas cerca de Quito a nadie.",
        [("Omar", "PER"), ("Quito", "LOC")],
    ),
    ("It rains again.", "Llueve otra vez.", []),
]


def units() -> list[Unit]:
    out = []
    for number, (source, target, names) in enumerate(ROWS):
        sides = [
            Example(
                f"r{number}",
                lang,
                (text,),
                tuple(Span(text.index(n), text.index(n) + len(n), label) for n, label in names),
            )
            for lang, text in (("eng", source), ("spa", target))
        ]
        placements = tuple(Placement(n, n, "aligned", 0.9) for n in range(len(names)))
        out.append(Unit(*sides, (source,), (Translation(target, -0.2),), placements))
    return out


def one(kind: str, row: int = 0, seed: int = 1) -> Unit:
    made = corrupt(units(), kind, seed)[row]
    assert made is not None
    return made.unit


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_a_fault_is_a_sound_unit_that_differs(kind: str, seed: int) -> None:
    given = units()
    made = corrupt(given, kind, seed)
    assert len(made) == len(given)
    assert made[0] is not None
    for before, after in zip(given, made, strict=True):
        if after is None:
            continue
        assert after.kind == kind
        assert after.change
        assert after.unit != before
        assert after.unit.source.id == after.unit.target.id == before.source.id
        # placements are in order: every source span once, targets exist
        sources = [p.source for p in after.unit.placements]
        assert sources == list(range(len(after.unit.source.spans)))
        placed = sorted(p.target for p in after.unit.placements if p.target is not None)
        assert placed == list(range(len(after.unit.target.spans)))
        assert all((p.target is None) == (p.reason is not None) for p in after.unit.placements)
        # what came from the engine is what stands there
        assert after.unit.received[0].text == after.unit.target.texts[0]
        assert tables.table_to_units(tables.units_to_table([after.unit])) == [after.unit]


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_always_the_same(kind: str) -> None:
    assert corrupt(units(), kind, 3) == corrupt(units(), kind, 3)


def test_faults_of_a_row_do_not_hang_on_its_neighbours() -> None:
    for kind in ("shifted_span", "moved_boundary", "number_changed", "truncated", "dropped_span"):
        assert corrupt(units()[:1], kind, 5)[0] == corrupt(units(), kind, 5)[0]


def test_swapped_takes_the_target_of_a_row_with_the_same_labels() -> None:
    made = one("swapped")
    assert made.target.texts == units()[1].target.texts
    assert made.source == units()[0].source
    assert corrupt(units(), "swapped", 1)[2] is None


def test_truncated_leaves_the_beginning() -> None:
    for seed in range(10):
        made = one("truncated", seed=seed)
        assert ROWS[0][1].startswith(made.target.texts[0])
        assert 0 < len(made.target.texts[0]) < len(ROWS[0][1])
        assert made.target.covered(made.target.spans[0]) == "Ana Ruiz"


def test_wrong_language_is_the_source_or_a_third_text() -> None:
    made = one("wrong_language")
    assert made.target.texts == made.source.texts
    assert [made.target.covered(s) for s in made.target.spans] == ["Ana Ruiz", "Lima"]
    third = corrupt(units(), "wrong_language", 1, third={"r0": "Ana Ruiz non ha visto navi."})[0]
    assert third is not None
    assert third.unit.target.texts == ("Ana Ruiz non ha visto navi.",)
    assert [p.reason for p in third.unit.placements] == ["other_language"] * 2


def test_a_dropped_span_is_told_and_an_unlabelled_one_is_not() -> None:
    dropped, silent = one("dropped_span"), one("unlabelled_span")
    assert (len(dropped.source.spans), len(dropped.target.spans)) == (2, 1)
    assert [p.reason for p in dropped.placements].count("dropped") == 1
    assert (len(silent.source.spans), len(silent.target.spans)) == (1, 1)
    kept = silent.target.covered(silent.target.spans[0])
    assert silent.source.covered(silent.source.spans[0]) == kept


@pytest.mark.parametrize("kind", ["shifted_span", "moved_boundary"])
def test_a_moved_span_stands_on_words_and_clear_of_others(kind: str) -> None:
    for seed in range(30):
        made = one(kind, seed=seed)
        assert made.target.texts == (ROWS[0][1],)
        for span in made.target.spans:
            text = made.target.covered(span)
            assert text == text.strip(" .")
            assert ROWS[0][1][span.start - 1 : span.start] in {"", " "}
        a, b = made.target.spans
        assert a.end <= b.start or b.end <= a.start
        changed = [
            s for s, t in zip(made.target.spans, units()[0].target.spans, strict=True) if s != t
        ]
        assert len(changed) == 1


def test_labels_and_places_are_exchanged() -> None:
    labels, places = one("swapped_labels"), one("swapped_places")
    assert [(labels.target.covered(s), s.label) for s in labels.target.spans] == [
        ("Ana Ruiz", "LOC"),
        ("Lima", "PER"),
    ]
    for placement in places.placements:
        assert placement.target is not None
        ours, theirs = places.source.spans[placement.source], places.target.spans[placement.target]
        assert ours.label == theirs.label
        assert places.source.covered(ours) != places.target.covered(theirs)


def test_one_digit_changes() -> None:
    made = one("number_changed")
    differing = [a for a, b in zip(made.target.texts[0], ROWS[0][1], strict=True) if a != b]
    assert len(differing) == 1
    assert differing[0].isdecimal()


def test_spans_behind_an_edit_move_along() -> None:
    made = one("negation_dropped")
    assert made.target.texts == ("Ana Ruiz vio 12 barcos en Lima ayer por la tarde.",)
    assert [made.target.covered(s) for s in made.target.spans] == ["Ana Ruiz", "Lima"]
    renamed = one("name_changed", seed=2)
    names = [renamed.target.covered(s) for s in renamed.target.spans]
    assert names in (["Omar", "Lima"], ["Ana Ruiz", "Quito"])


def test_negation_is_left_out_only_where_its_words_are_known() -> None:
    from dataclasses import replace

    basque = [replace(u, target=replace(u.target, lang="eus")) for u in units()]
    assert corrupt(basque, "negation_dropped", 1) == [None] * 3


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(RecipeError, match=r"must be one of swapped, truncated, .*was: 'typo'"):
        corrupt(units(), "typo", 1)


def test_nothing_gives_nothing() -> None:
    assert all(corrupt([], kind, 1) == [] for kind in KINDS)
