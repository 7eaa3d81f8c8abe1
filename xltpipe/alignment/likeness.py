"""Likeness of two words by their letters, and places of equal words matched in order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.romanisation import VOWELS
from xltpipe.alignment.similarity import signatures

VOWEL = 0.3
"""Weight of a vowel, a consonant's being 1, across scripts: many do not write them."""


@lru_cache(maxsize=1 << 18)
def likeness(one: str, other: str, vowel: float) -> float:
    """1 - edit distance / weight of the heavier word; vowels weigh `vowel`, all else 1."""
    weights = [[vowel if c in VOWELS else 1.0 for c in word] for word in (one, other)]
    heavier = max(sum(weights[0]), sum(weights[1]))
    if not heavier:
        return 0.0
    above = [0.0]
    for weight in weights[1]:
        above.append(above[-1] + weight)
    for letter, weight in zip(one, weights[0], strict=True):
        row = [above[0] + weight]
        for column, (mark, cost) in enumerate(zip(other, weights[1], strict=True)):
            same = above[column] + (0.0 if letter == mark else max(weight, cost))
            row.append(min(same, above[column + 1] + weight, row[-1] + cost))
        above = row
    return max(0.0, 1 - above[-1] / heavier)


def in_order(left: Sequence[int], right: Sequence[int], slope: float) -> list[tuple[int, int]]:
    """As many links as the shorter side has places, none crossing, nearest to the diagonal.

    Args:
        left, right: ascending places of a word and of its counterpart.
        slope: target words per source word.
    """
    if len(left) > len(right):
        turned = in_order(right, left, 1 / slope)
        return [(i, j) for j, i in turned]
    spare = len(right) - len(left)
    costs = [0.0] * (spare + 1)  # of the best links so far with that many places left out
    chosen: list[list[int]] = []  # and how many were left out before the last of these links
    for row, i in enumerate(left):
        reached, came, before = [], [], 0
        for skipped in range(spare + 1):
            before = skipped if costs[skipped] < costs[before] else before
            reached.append(costs[before] + abs(i * slope - right[row + skipped]))
            came.append(before)
        costs, chosen = reached, [*chosen, came]
    skipped, links = costs.index(min(costs)), []
    for row in reversed(range(len(left))):
        links.append((left[row], right[row + skipped]))
        skipped = chosen[row][skipped]
    return links[::-1]


def dice(sources: Sequence[str], targets: Sequence[str]) -> NDArray[np.float64]:
    """(sources, targets): shared letter pairs, Dice (1945); both sides must have words."""
    left, right = (np.stack([_signature(word) for word in side]) for side in (sources, targets))
    shared = np.bitwise_count(left[:, None] & right[None]).sum(axis=2, dtype=np.int64)
    sizes = [np.bitwise_count(side).sum(axis=1, dtype=np.int64) for side in (left, right)]
    found: NDArray[np.float64] = 2 * shared / np.maximum(sizes[0][:, None] + sizes[1], 1)
    return found


@lru_cache(maxsize=1 << 16)
def _signature(word: str) -> NDArray[np.uint64]:
    row: NDArray[np.uint64] = signatures([word])[0]
    return row
