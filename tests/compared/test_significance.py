"""Significance: exact answers on small inputs, and rates that hold on many."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from xltpipe.compared.significance import (
    Counts,
    approximate_randomisation,
    difference,
    f1,
    holm,
    paired_bootstrap,
)

ROUNDS = 4999


def counts(*rows: tuple[int, int, int]) -> Counts:
    return np.array([rows], dtype=np.float64)


def exact(a: Counts, b: Counts) -> float:
    """p over every possible swap."""
    observed = abs(difference(a, b, f1))
    n, above = a.shape[1], 0
    for swaps in product([False, True], repeat=n):
        mask = np.array(swaps)[None, :, None]
        left, right = np.where(mask, b, a), np.where(mask, a, b)
        above += abs(difference(left, right, f1)) >= observed - 1e-12
    return above / 2**n


def test_randomisation_comes_near_the_exact_p() -> None:
    a = counts((1, 1, 1), (2, 2, 2), (1, 2, 1), (0, 0, 1), (1, 1, 1), (1, 1, 2), (0, 1, 1))
    b = counts((0, 1, 1), (1, 2, 2), (1, 1, 1), (0, 1, 1), (0, 0, 1), (1, 1, 2), (0, 1, 1))
    assert approximate_randomisation(a, b, f1, ROUNDS) == pytest.approx(exact(a, b), abs=0.02)
    assert approximate_randomisation(b, a, f1, ROUNDS) == approximate_randomisation(
        a, b, f1, ROUNDS
    )


def test_equal_systems_differ_by_chance_alone() -> None:
    a = counts(*[(1, 1, 2)] * 30)
    assert difference(a, a, f1) == 0
    assert approximate_randomisation(a, a, f1, ROUNDS) == 1.0
    assert paired_bootstrap(a, a, f1, 999) == (0.0, 0.0)


def test_a_clear_difference_is_found_and_cannot_be_surer_than_the_rounds() -> None:
    a, b = counts(*[(1, 1, 1)] * 60), counts(*[(0, 1, 1)] * 60)
    assert difference(a, b, f1) == 1.0
    assert approximate_randomisation(a, b, f1, ROUNDS) == 1 / (ROUNDS + 1)
    assert paired_bootstrap(a, b, f1, 999) == (1.0, 1.0)


def test_under_the_hypothesis_p_is_small_as_rarely_as_it_says() -> None:
    random = np.random.default_rng(7)
    small = 0
    for trial in range(200):
        gold = random.integers(1, 4, size=40)
        sides = []
        for _ in range(2):
            credit = random.binomial(gold, 0.6)
            extra = random.binomial(2, 0.3, size=40)
            sides.append(np.stack([credit, credit + extra, gold], axis=1)[None].astype(float))
        small += approximate_randomisation(*sides, f1, 299, seed=trial) <= 0.05
    assert small <= 20  # 10 expected of 200; 20 or more have a chance of 0.3 %


def test_seeds_are_averaged_over_and_one_stands_for_all() -> None:
    a = np.array([[[1, 1, 1], [0, 1, 1]], [[1, 1, 1], [1, 1, 1]]], dtype=float)
    b = np.array([[[0, 1, 1], [0, 1, 1]]], dtype=float)
    assert difference(a, b, f1) == pytest.approx(0.75)
    assert 0 < approximate_randomisation(a, b, f1, 99) <= 1
    low, high = paired_bootstrap(a, b, f1, 999)
    assert low <= 0.75 <= high
    with pytest.raises(ValueError, match="was: 2 and 3"):
        approximate_randomisation(a, np.concatenate([a, b]), f1, 99)


def test_no_span_on_either_side_is_nought() -> None:
    assert f1(np.zeros((2, 3))).tolist() == [0.0, 0.0]


def test_holm_is_the_textbook_example() -> None:
    # Holm (1979): sorted p times m, m - 1, …, never descending, at most 1
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
