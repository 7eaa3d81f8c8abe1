"""Difference: every way in which a row can differ, each counted once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.toy_shelf import RUN, Shelved, relang, rows, shelve
from xltpipe.catalogue import connect
from xltpipe.review.difference import Difference, Differing, difference, differing, sampled
from xltpipe.types import Span, Unit

B = "toy-99999999"
KEYS = ("gained", "lost", "state", "reasons", "source", "text", "spans", "label", "masked")


def compared(
    home: Path, a: Shelved | None, b: Shelved | None
) -> tuple[Difference, dict[str, Differing]]:
    shelve(home, a)
    store = shelve(home, b, run=B)
    with connect(store) as connection:
        found = difference(connection, RUN, B)
        listed = list(differing(connection, RUN, B))
    assert len(listed) == found.differing
    return found, {row.id: row for row in listed}


def train(units: list[Unit]) -> Shelved:
    return {("spa", "train"): [units]}


def changed(number: int, change: Callable[[Unit], Unit]) -> list[Unit]:
    return [change(u) if at == number else u for at, u in enumerate(rows())]


def test_equal_runs_do_not_differ_however_they_are_cut(tmp_path: Path) -> None:
    found, listed = compared(tmp_path, None, train(rows()[::-1]))
    assert (found.differing, found.turns, found.spans, listed) == (0, [], [], {})
    (counted,) = found.rows
    assert (counted["a"], counted["b"]) == (7, 7)


def spans(*given: Span) -> Callable[[Unit], Unit]:
    return lambda u: replace(u, target=replace(u.target, spans=given))


PER, LOC = Span(0, 3, "PER"), Span(12, 16, "LOC")


@pytest.mark.parametrize(
    ("number", "change", "kinds", "spans_found", "turns"),
    [
        (0, lambda u: replace(u, reasons=("wrong_language",)), ("state",), [], [("kept", None, "rejected", "wrong_language", 1)]),
        (3, lambda u: replace(u, reasons=()), ("state",), [], [("rejected", "span_lost", "kept", None, 1)]),
        (3, lambda u: replace(u, reasons=("copied",)), ("reasons",), [], [("rejected", "span_lost", "rejected", "copied", 1)]),
        (3, lambda u: replace(u, reasons=u.reasons[::-1]), (), [], []),
        (0, lambda u: replace(u, error="boom"), ("state",), [], [("kept", None, "quarantined", "boom", 1)]),
        (0, spans(PER), ("spans",), [{"label": "LOC", "added": 0, "removed": 1, "moved": 0, "relabelled": 0}], []),
        (0, spans(LOC, PER), (), [], []),
        (0, spans(Span(0, 8, "PER"), LOC, Span(9, 11, "X")), ("spans",), [{"label": "PER", "added": 0, "removed": 0, "moved": 1, "relabelled": 0}, {"label": "X", "added": 1, "removed": 0, "moved": 0, "relabelled": 0}], []),
        (0, spans(PER, Span(12, 16, "ORG")), ("spans",), [{"label": "LOC → ORG", "added": 0, "removed": 0, "moved": 0, "relabelled": 1}], []),
        (0, lambda u: replace(u, target=replace(u.target, texts=("Ana vive en Roma ya",))), ("text",), [], []),
        (0, lambda u: replace(u, target=replace(u.target, texts=("Hoy Ana",), spans=(Span(4, 7, "PER"),))), ("text", "spans"), [{"label": "LOC", "added": 0, "removed": 1, "moved": 0, "relabelled": 0}], []),
        (0, lambda u: replace(u, source=replace(u.source, texts=("Ana lives in Rome!",))), ("source",), [], []),
        (0, lambda u: replace(u, target=replace(u.target, label="yes")), ("label",), [], []),
        (0, lambda u: replace(u, target=replace(u.target, masked=(0,))), ("masked",), [], []),
    ],
)  # fmt: skip
def test_each_difference_is_named_and_counted(
    tmp_path: Path,
    number: int,
    change: Callable[[Unit], Unit],
    kinds: tuple[str, ...],
    spans_found: list[dict[str, object]],
    turns: list[tuple[object, ...]],
) -> None:
    found, listed = compared(tmp_path, None, train(changed(number, change)))
    assert [row.kinds for row in listed.values()] == ([kinds] if kinds else [])
    assert {kind: found.rows[0][kind] for kind in KEYS} == {k: int(k in kinds) for k in KEYS}
    assert found.spans == spans_found
    assert [tuple(turn.values()) for turn in found.turns] == turns


def test_rows_gained_and_lost_have_one_side(tmp_path: Path) -> None:
    found, listed = compared(tmp_path, train(rows()[:5]), train(rows()[1:]))
    (counted,) = found.rows
    assert (counted["a"], counted["b"], counted["gained"], counted["lost"]) == (5, 6, 2, 1)
    assert counted["differing"] == 3
    assert {id: (row.kinds, row.a is None, row.b is None) for id, row in listed.items()} == {
        "r1": (("lost",), False, True),
        "r6": (("gained",), True, False),
        "r7": (("gained",), True, False),
    }
    turns = {(t["a"], t["b"]): t["rows"] for t in found.turns}
    assert turns == {("kept", None): 1, (None, "kept"): 1, (None, "quarantined"): 1}
    assert found.spans == []  # of rows that both have


def test_rows_are_the_same_by_language_split_and_id(tmp_path: Path) -> None:
    other = {("fra", "train"): [relang(rows(), "fra")], ("spa", "dev"): [rows()[:1]]}
    found, _ = compared(tmp_path, None, other)
    counted = [(r["lang"], r["split"], r["a"], r["b"], r["gained"], r["lost"]) for r in found.rows]
    assert counted == [
        ("fra", "train", 0, 7, 7, 0),
        ("spa", "dev", 0, 1, 1, 0),
        ("spa", "train", 7, 0, 0, 7),
    ]


def test_a_sample_has_each_kind_of_difference_and_follows_the_seed(tmp_path: Path) -> None:
    many = [replace(u, reasons=("copied",)) if n < 2 else u for n, u in enumerate(rows())]
    many[2] = spans(PER)(many[2])
    shelve(tmp_path, None)
    store = shelve(tmp_path, train(many), run=B)
    with connect(store) as connection:
        difference(connection, RUN, B)
        drawn = {seed: sampled(connection, RUN, B, 2, seed) for seed in range(6)}
        assert drawn[0] == sampled(connection, RUN, B, 2, 0)
        assert len(sampled(connection, RUN, B, 9, 0)) == 3
    assert all({row.kinds for row in two} == {("state",), ("spans",)} for two in drawn.values())
    assert len({tuple(row.id for row in two) for two in drawn.values()}) > 1
