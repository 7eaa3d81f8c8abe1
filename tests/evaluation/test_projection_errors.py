"""Errors beside gold, agreement without, and the assignment under both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltpipe.evaluation import SpanF1
from xltpipe.evaluation.assignment import assigned
from xltpipe.evaluation.projection_agreement import AGREEMENT_KINDS, compared, pairwise
from xltpipe.evaluation.projection_errors import FINE, KINDS, outcomes, tally
from xltpipe.types import Example, Placement, Span, Unit

TEXT = "abcdefghijklmnopqrstuvwxyz"
Place = tuple[int, int] | str
"""Where a source span was put, or the reason why it was not."""


def span(bounds: tuple[int, int], label: str = "PER", text: int = 0) -> Span:
    return Span(*bounds, label, text)


def unit(*places: Place, labels: str = "", text: str = TEXT, error: str | None = None) -> Unit:
    """A unit with one source span per place; labels by letter (P, L), P where not given."""
    names = {"P": "PER", "L": "LOC"}
    kinds = [names[c] for c in labels.ljust(len(places), "P")]
    source = tuple(Span(k, k + 1, label) for k, label in enumerate(kinds))
    spans: list[Span] = []
    placements = []
    for k, (place, label) in enumerate(zip(places, kinds, strict=True)):
        if isinstance(place, str):
            placements.append(Placement(k, None, "toy", None, place))
        else:
            placements.append(Placement(k, len(spans), "toy"))
            spans.append(Span(*place, label))
    made = Unit(
        Example("1", "eng", (TEXT,), source),
        Example("1", "spa", (text,), tuple(spans)),
        placements=tuple(placements),
    )
    if error is None:
        return made
    return Unit(made.source, Example("1", "spa", (text,)), error=error)


def gold(*spans: tuple[int, int], label: str = "PER") -> Example:
    return Example("1", "spa", (TEXT,), tuple(span(s, label) for s in spans))


# places of the source spans, gold spans, the kinds of the source spans, further kinds
TABLE: list[tuple[Sequence[Place], Sequence[tuple[int, int]], list[str], list[str]]] = [
    ([(0, 3)], [(0, 3)], ["exact"], []),
    ([(1, 3)], [(0, 3)], ["clipped"], []),
    ([(0, 2)], [(0, 3)], ["clipped"], []),
    ([(0, 4)], [(0, 3)], ["too_wide"], []),
    ([(0, 5)], [(1, 4)], ["too_wide"], []),
    ([(2, 5)], [(0, 3)], ["shifted"], []),
    ([(3, 5)], [(0, 3)], ["wrong_place"], []),  # touching is not overlapping
    ([(0, 3)], [], ["spurious"], []),
    (["no_alignment"], [(0, 3)], ["lost"], []),
    (["no_alignment"], [], ["absent"], []),
    ([], [(0, 3)], [], ["no_source"]),
    ([], [], [], []),
    ([(0, 3), (5, 8)], [(5, 8), (0, 3)], ["exact", "exact"], []),
    ([(0, 3), (0, 3)], [(0, 3), (5, 8)], ["exact", "wrong_place"], []),
    ([(0, 3), "overlap"], [(0, 3)], ["exact", "absent"], []),
    ([(0, 3), "overlap"], [(0, 3), (5, 8)], ["exact", "lost"], []),
    ([(9, 11), "overlap"], [(0, 3)], ["wrong_place", "absent"], []),
    (["overlap", (0, 9)], [(0, 3), (4, 9)], ["lost", "too_wide"], []),
    ([(0, 3)], [(0, 3), (5, 8)], ["exact"], ["no_source"]),
    ([(0, 3)], [(0, 3), (0, 3)], ["exact"], []),  # gold is a set
    # the longer overlap of the first would take the only gold that the second touches
    ([(0, 9), (0, 4)], [(0, 5), (5, 9)], ["too_wide", "clipped"], []),
    # exact pairs come first where the overlaps sum to the same
    ([(3, 5), (4, 5)], [(4, 5), (4, 6)], ["shifted", "exact"], []),
]


@pytest.mark.parametrize(("places", "right", "kinds", "beyond"), TABLE)
def test_every_span_has_its_outcome(
    places: Sequence[Place],
    right: Sequence[tuple[int, int]],
    kinds: list[str],
    beyond: list[str],
) -> None:
    found = outcomes(unit(*places), gold(*right))
    assert [o.source for o in found] == [*range(len(places)), *[None] * len(beyond)]
    assert [o.kind for o in found] == [*kinds, *beyond]


def test_labels_and_texts_are_matched_apart() -> None:
    found = outcomes(unit((0, 3), (0, 3), labels="PL"), gold((0, 3), label="LOC"))
    assert [(o.label, o.kind) for o in found] == [("PER", "spurious"), ("LOC", "exact")]
    two = Example("1", "spa", (TEXT, TEXT), (span((0, 3), text=1),))
    found = outcomes(unit((0, 3)), two)
    assert [o.kind for o in found] == ["spurious", "no_source"]


def test_a_lost_span_keeps_its_reason_and_the_nearest_gold_is_named() -> None:
    (lost,) = outcomes(unit("punctuation_only"), gold((4, 6)))
    assert (lost.reason, lost.gold, lost.predicted) == ("punctuation_only", span((4, 6)), None)
    away = outcomes(unit((20, 22), (0, 2)), gold((4, 6), (15, 18)))
    assert [o.gold for o in away] == [span((15, 18)), span((4, 6))]


def test_a_unit_in_error_lost_all() -> None:
    found = outcomes(unit((0, 3), (5, 8), error="project: boom"), gold((0, 3)))
    assert [(o.kind, o.reason) for o in found] == [
        ("lost", "quarantined"),
        ("absent", "quarantined"),
    ]


def test_a_span_that_no_placement_names_is_judged_too() -> None:
    made = unit((0, 3))
    target = Example("1", "spa", (TEXT,), (span((0, 3)), span((9, 12)), span((9, 12))))
    found = outcomes(Unit(made.source, target, placements=made.placements), gold((0, 3), (5, 6)))
    assert [(o.kind, o.source) for o in found] == [
        ("exact", 0),
        ("spurious", None),
        ("no_source", None),
    ]


def test_what_counts_as_wrong() -> None:
    found = outcomes(unit((0, 3), "x", (5, 6)), gold((0, 3)))
    assert [(o.kind, o.kind not in FINE) for o in found] == [
        ("exact", False),
        ("absent", False),
        ("spurious", True),
    ]
    assert outcomes(unit(), gold((0, 3)))[0].kind in FINE
    assert tally(found)["PER", "exact"] == 1


BOUNDS = st.tuples(st.integers(0, 24), st.integers(1, 9)).map(lambda p: (p[0], min(26, sum(p))))
PLACES = st.lists(BOUNDS | st.just("no_alignment"), max_size=6, unique=True)


@settings(max_examples=150, deadline=None)
@given(PLACES, st.lists(BOUNDS, max_size=6, unique=True), st.text("PL", min_size=6, max_size=6))
def test_the_books_balance_and_agree_with_f1(
    places: list[Place], right: list[tuple[int, int]], labels: str
) -> None:
    made = unit(*places, labels=labels[: len(places)])
    truth = Example("1", "spa", (TEXT,), gold(*right).spans + gold(*right[:2], label="LOC").spans)
    found = outcomes(made, truth)
    kinds = Counter(o.kind for o in found)
    assert kinds.keys() <= KINDS.keys()
    assert found == outcomes(made, truth)
    assert sorted(o.source for o in found if o.source is not None) == list(range(len(places)))
    assert {o.gold for o in found if o.gold} == set(truth.spans)
    assert sum(o.gold is not None for o in found) == len(truth.spans)
    assert len(places) == kinds.total() - kinds["no_source"]
    assert len(truth.spans) == kinds.total() - kinds["spurious"] - kinds["absent"]
    strict = SpanF1(resamples=0).build({}).measure([truth], [made.target])
    assert kinds["exact"] == strict.details["credit"]


# Assignment


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 4).flatmap(
        lambda columns: st.lists(
            st.lists(st.integers(0, 9), min_size=columns, max_size=columns), max_size=4
        )
    )
)
def test_the_best_assignment_is_found(weights: list[list[int]]) -> None:
    rows, columns = len(weights), len(weights[0]) if weights else 0
    found = assigned(weights)
    assert len({a for a, _ in found}) == len({b for _, b in found}) == len(found)
    assert all(weights[a][b] > 0 for a, b in found)
    size = max(rows, columns)
    best = max(
        sum(weights[a][b] for a, b in enumerate(order) if a < rows and b < columns)
        for order in permutations(range(size))
    )
    assert sum(weights[a][b] for a, b in found) == best


def test_a_large_assignment_is_quick() -> None:
    weights = [[(a * 7 + b * 13) % 101 for b in range(120)] for a in range(100)]
    assert len(assigned(weights)) == 100


# Agreement


def test_agreement_of_three() -> None:
    units = [
        unit((0, 3), (5, 8), (10, 12), "no_alignment"),
        unit((0, 3), (5, 8), (11, 12), "overlap"),
        unit((0, 3), (5, 9), "no_alignment", "overlap"),
    ]
    kinds = [[o.kind for o in one] for one in compared(units)]
    assert kinds == [
        ["agreed", "shared", "alone", "lost"],
        ["agreed", "shared", "alone", "lost"],
        ["agreed", "alone", "lost", "lost"],
    ]
    assert {kind for row in kinds for kind in row} <= AGREEMENT_KINDS.keys()
    assert compared(units)[2][2].reason == "no_alignment"
    found = pairwise([units], 3)
    assert [(p.same, p.comparable) for p in found.values()] == [(3, 4), (2, 4), (2, 4)]
    assert found[0, 1].share == 0.75


def test_another_text_is_not_compared() -> None:
    units = [unit((0, 3)), unit((0, 3), text=TEXT.upper())]
    assert [[o.kind for o in one] for one in compared(units)] == [["uncompared"], ["uncompared"]]
    pairs = pairwise([units], 2)[0, 1]
    assert (pairs.same, pairs.comparable, pairs.share) == (0, 0, None)


def test_one_method_alone_and_one_in_error() -> None:
    assert [o.kind for o in compared([unit((0, 3), "x")])[0]] == ["uncompared", "lost"]
    assert pairwise([[unit((0, 3))]], 1) == {}
    good, bad = unit((0, 3)), unit((0, 3), error="project: boom")
    assert [(o.kind, o.reason) for o in compared([good, bad])[1]] == [("lost", "quarantined")]
    assert compared([]) == []
