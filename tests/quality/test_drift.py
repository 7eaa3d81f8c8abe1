"""Drift of label shares: the numbers, and that small corpora do not alarm."""

from __future__ import annotations

from math import isnan, log2

import numpy as np
import pytest

from xltpipe.quality.drift import drift


def test_the_same_shares_have_not_drifted() -> None:
    found = drift({"PER": 30, "LOC": 10}, {"LOC": 20, "PER": 60})
    assert found.shares == {"PER": (0.75, 0.75), "LOC": (0.25, 0.25)}
    assert found.total_variation == 0
    assert found.divergence == pytest.approx(0)
    assert found.p_value == 1


def test_numbers_by_hand() -> None:
    found = drift({"PER": 50, "LOC": 50}, {"PER": 100})
    assert found.total_variation == 0.5
    middle = -(0.75 * log2(0.75) + 0.25 * log2(0.25))
    assert found.divergence == pytest.approx(middle - 0.5)
    assert found.moved in {"PER", "LOC"}
    assert found.p_value < 0.01


def test_labels_of_one_side_only() -> None:
    found = drift({"人名": 9}, {"地名": 9})
    assert found.total_variation == found.divergence == 1
    assert found.shares == {"人名": (1.0, 0.0), "地名": (0.0, 1.0)}


@pytest.mark.parametrize(("source", "target"), [({}, {}), ({"A": 3}, {}), ({}, {"A": 3})])
def test_nothing_to_compare(source: dict[str, int], target: dict[str, int]) -> None:
    found = drift(source, target)
    assert isnan(found.total_variation)
    assert isnan(found.divergence)
    assert isnan(found.expected)
    assert isnan(found.p_value)
    assert set(found.shares) == {*source, *target}


def test_few_labels_scatter() -> None:
    """A third of the labels moved, but of nine; of nine thousand it would be no chance."""
    small = drift({"A": 6, "B": 3}, {"A": 3, "B": 6})
    assert small.expected > 0.1
    assert small.p_value > 0.2
    large = drift({"A": 6000, "B": 3000}, {"A": 3000, "B": 6000})
    assert large.expected < 0.02
    assert large.p_value == 1 / 2000


def test_p_values_are_even_where_nothing_drifts() -> None:
    """Samples of one distribution are found guilty as rarely as the level says."""
    random = np.random.default_rng(1)
    shares = [0.5, 0.3, 0.15, 0.05]
    found = []
    for _ in range(100):
        sides = [
            dict(zip("ABCD", map(int, random.multinomial(80, shares)), strict=True)) for _ in "12"
        ]
        found.append(drift(*sides).p_value)
    assert 0 <= np.mean(np.array(found) < 0.1) < 0.2
    assert 0.4 < np.mean(found) < 0.7


def test_the_same_numbers_give_the_same_answer() -> None:
    sides = {"A": 40, "B": 7}, {"B": 11, "A": 36}
    assert drift(*sides) == drift(*sides)


def test_the_most_moved_label_is_named() -> None:
    assert drift({"A": 50, "B": 25, "C": 25}, {"A": 52, "B": 38, "C": 10}).moved == "C"
    assert drift({}, {}).moved is None


def test_swapping_the_sides_changes_no_distance() -> None:
    there, back = (
        drift({"A": 9, "B": 1}, {"A": 4, "B": 6}),
        drift({"A": 4, "B": 6}, {"A": 9, "B": 1}),
    )
    assert there.total_variation == back.total_variation
    assert there.divergence == pytest.approx(back.divergence)
