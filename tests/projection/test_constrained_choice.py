"""Choosing among candidates: overlaps decided together, and the paper's rules for reading back."""

import math

import pytest

from xltpipe.projection.constrained_choice import fit, rank_for_test, rank_for_train
from xltpipe.projection.constrained_problem import Candidate, Solution, Tally, best

NEVER = [[False, False], [False, False]]


@pytest.mark.parametrize(
    ("options", "may_overlap", "expected"),
    [
        ([], [], []),
        ([[Candidate(0, 1, -3.0)], [Candidate(2, 2, -4.0)]], NEVER, [(0, 1), (2, 2)]),
        # the one that loses less gives way
        (
            [
                [Candidate(0, 0, -3.0), Candidate(4, 4, -3.5)],
                [Candidate(0, 0, -9.0), Candidate(3, 3, -20.0)],
            ],
            NEVER,
            [(4, 4), (0, 0)],
        ),
        # overlapping in the source: may overlap in the target
        (
            [[Candidate(0, 2, -3.0)], [Candidate(1, 1, -4.0)]],
            [[True, True], [True, True]],
            [(0, 2), (1, 1)],
        ),
        # both placed is worth more than the best for one
        (
            [[Candidate(0, 3, -3.0), Candidate(0, 0, -30.0)], [Candidate(2, 2, -4.0)]],
            NEVER,
            [(0, 0), (2, 2)],
        ),
        # nowhere else to go
        ([[Candidate(0, 0, -3.0)], [Candidate(0, 0, -4.0)]], NEVER, [(0, 0), None]),
        ([[], [Candidate(0, 0, -4.0)]], NEVER, [None, (0, 0)]),
    ],
)
def test_fit(options, may_overlap, expected):
    chosen = fit(options, may_overlap)
    assert [None if c is None else (c.first, c.last) for c in chosen] == expected


def test_fit_of_many_spans_is_quick_and_valid():
    options = [[Candidate(w, w, -float(abs(w - k))) for w in range(8)] for k in range(8)]
    options = [sorted(mine, key=lambda c: -c.score) for mine in options]
    chosen = fit(options, [[False] * 8 for _ in range(8)])
    taken = [c.first for c in chosen if c is not None]
    assert len(set(taken)) == len(taken) == 8


@pytest.mark.parametrize(
    ("texts", "costs", "expected"),
    [
        ([], [], None),
        ([["la", "casa"]], [3.0], 0),
        ([["casa", "."], ["casa"], ["la"]], [3.0, 2.0, 1.0], 1),  # "la" is no part of the best
        ([["casa", "."], ["casa"]], [2.0, 3.0], 0),
        ([["la", "casa", "."], ["casa"], ["la", "casa"]], [9.0, 2.0, 1.0], 2),
    ],
)
def test_rank_for_test(texts, costs, expected):
    assert rank_for_test(texts, costs) == expected


@pytest.mark.parametrize(
    ("texts", "costs", "names", "expected"),
    [
        ([["mesa"], ["silla"]], [9.0, 8.0], ["house", "casa"], None),
        ([["mesa"], ["silla"]], [9.0, 4.0], ["house", "casa"], 1),
        ([["la", "casa"], ["casa"]], [1.0, 9.0], ["house", "casa"], 1),  # equal to a name
        ([["Berlin"]], [99.0], ["BERLIN", ""], 0),
    ],
)
def test_rank_for_train(texts, costs, names, expected):
    assert rank_for_train(texts, costs, names) == expected


def test_best_is_ordered_and_its_shares_sum_to_one():
    pairs, scores = [(0, 0), (0, 1), (1, 1)], [-5.0, -2.0, -5.0]
    found = best(pairs, scores, 3)
    assert [(c.first, c.last) for c in found.candidates] == [(0, 1), (0, 0), (1, 1)]
    assert sum(found.confidence(c) for c in found.candidates) == pytest.approx(1)
    assert best([], [], 3) == Solution((), -math.inf)


def test_the_miss_rate_needs_an_audit():
    assert math.isnan(Tally().miss_rate)
    assert Tally(audited=4, missed=1).miss_rate == 0.25
