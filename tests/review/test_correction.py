"""What a review makes of a row, and what became of spans."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.toy_shelf import row, rows
from xltpipe.datasets.label_studio_reader import Decision, Verdict
from xltpipe.review.correction import corrected
from xltpipe.review.rows import state
from xltpipe.review.spans import changes, changes_of_texts
from xltpipe.types import Example, Link, Placement, Span

PER, LOC = Span(0, 3, "PER"), Span(12, 16, "LOC")


def decision(*spans: Span, verdict: Verdict | None = None, label: str | None = None) -> Decision:
    return Decision(spans, label, verdict, "2026-03-01", "1")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([PER, LOC], [PER, LOC], ["same 0 0", "same 1 1"]),
        ([PER, LOC], [LOC, PER], ["same 0 1", "same 1 0"]),
        ([PER], [Span(0, 3, "LOC")], ["relabelled 0 0"]),
        ([PER], [Span(0, 8, "PER")], ["moved 0 0"]),
        ([PER], [Span(0, 8, "LOC")], ["removed 0 None", "added None 0"]),
        ([PER], [Span(3, 8, "PER")], ["removed 0 None", "added None 0"]),  # touching is not shared
        ([PER], [Span(0, 3, "PER", 1)], ["removed 0 None", "added None 0"]),  # another text
        ([], [PER], ["added None 0"]),
        ([Span(0, 10, "X")], [Span(0, 2, "X"), Span(3, 10, "X")], ["moved 0 1", "added None 0"]),
        ([PER, PER], [PER], ["same 0 0", "removed 1 None"]),
        ([], [], []),
    ],
)
def test_every_span_of_both_sides_is_told_once(
    before: list[Span], after: list[Span], expected: list[str]
) -> None:
    found = changes(before, after)
    assert [f"{c.kind} {c.before} {c.after}" for c in found] == expected


def test_where_texts_differ_labels_and_words_are_compared() -> None:
    a = Example("1", "spa", ("Ana vio Roma",), (Span(0, 3, "PER"), Span(8, 12, "LOC")))
    b = Example("1", "spa", ("Hoy Ana vio París",), (Span(4, 7, "PER"), Span(12, 17, "LOC")))
    found = [f"{c.kind} {c.before} {c.after}" for c in changes_of_texts(a, b)]
    assert found == ["same 0 0", "removed 1 None", "added None 1"]


def test_spans_that_stay_keep_their_source_and_say_who_placed_them() -> None:
    done = corrected(rows()[0], decision(PER, LOC))
    assert done.placements == (Placement(0, 0, "review"), Placement(1, 1, "review"))
    assert done.target.spans == (PER, LOC)
    assert state(done) == "kept"


@pytest.mark.parametrize(
    ("spans", "placed"),
    [
        ((Span(0, 8, "PER"), LOC), [0, 1]),  # moved
        ((Span(0, 3, "ORG"), LOC), [0, 1]),  # relabelled
        ((LOC,), [None, 0]),  # removed
        ((PER, LOC, Span(4, 8, "MISC")), [0, 1]),  # added: of no source span
        ((Span(4, 8, "PER"), LOC), [0, 1]),  # elsewhere, but the only one of its label
        ((Span(4, 8, "PER"), Span(9, 11, "PER"), LOC), [None, 2]),  # two to choose from: neither
        ((), [None, None]),
    ],
)
def test_placements_follow_the_reviewer(spans: tuple[Span, ...], placed: list[int | None]) -> None:
    done = corrected(rows()[0], decision(*spans))
    assert [p.target for p in done.placements] == placed
    assert [p.reason for p in done.placements] == [
        None if t is not None else "review" for t in placed
    ]
    assert {p.method for p in done.placements} == {"review"}
    assert done.target.spans == spans


def test_a_lost_span_that_the_reviewer_adds_is_linked_and_else_keeps_its_reason() -> None:
    lost = rows()[3]  # Bob was lost, París placed
    paris = lost.target.spans[0]
    assert [p.reason for p in corrected(lost, decision(paris)).placements] == ["span_lost", None]
    added = corrected(lost, decision(Span(0, 3, "PER"), paris, verdict="accept"))
    assert [p.target for p in added.placements] == [0, 1]


@pytest.mark.parametrize(
    ("number", "verdict", "after"),
    [
        (0, None, "kept"), (0, "accept", "kept"), (0, "reject", "rejected"),
        (3, None, "rejected"), (3, "accept", "kept"), (3, "reject", "rejected"),
        (6, None, "quarantined"), (6, "accept", "kept"), (6, "reject", "rejected"),
    ],
)  # fmt: skip
def test_a_row_is_always_in_one_state(number: int, verdict: Verdict | None, after: str) -> None:
    done = corrected(rows()[number], decision(verdict=verdict))
    assert state(done) == after
    assert not (done.reasons and done.error)
    assert done.kept == (after == "kept")
    assert (done.reasons == ("review",)) == (verdict == "reject")


def test_a_label_is_changed_if_one_is_chosen_and_masks_are_lifted() -> None:
    nli = row("n", ("It rains", "It is dry"), ("Llueve", "Está seco"), label="neutral")
    nli = replace(nli, target=replace(nli.target, masked=(1,)))
    assert corrected(nli, decision()).target.label == "neutral"
    done = corrected(nli, decision(label="contradiction"))
    assert (done.target.label, done.target.masked) == ("contradiction", ())
    assert done.source == nli.source


def test_links_stay_with_the_spans_that_they_join() -> None:
    unit = rows()[0]
    links = (Link(0, 1, "lives in"), Link(1, 1, "self"))
    unit = replace(unit, target=replace(unit.target, links=links, meta="{}"))
    moved = corrected(unit, decision(LOC, Span(0, 8, "PER"))).target
    assert (moved.links, moved.meta) == ((Link(1, 0, "lives in"), Link(0, 0, "self")), "{}")
    assert corrected(unit, decision(LOC)).target.links == (Link(0, 0, "self"),)
