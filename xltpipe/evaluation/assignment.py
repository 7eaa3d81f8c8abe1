"""Assignment: pairs of rows and columns with the largest sum of weights (Kuhn, 1955; Munkres)."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

Weights = Sequence[Sequence[int]]
"""One row per left item, with one weight per right item; 0: the two do not go together."""


def assigned(weights: Weights) -> list[tuple[int, int]]:
    """The pairs of positive weight of the best one-to-one assignment, by row; O(rows² · columns).

    All pairs are decided together, so that no early choice takes what a later one needs.
    """
    if not weights or not weights[0]:
        return []
    if len(weights) > len(weights[0]):
        turned = assigned(list(zip(*weights, strict=True)))
        return sorted((row, column) for column, row in turned)
    owner = _owners(weights)
    pairs = ((row, column) for column, row in enumerate(owner) if row >= 0)
    return sorted(pair for pair in pairs if weights[pair[0]][pair[1]] > 0)


def _owners(weights: Weights) -> list[int]:
    """For each column the row that it goes to, or -1; there are no more rows than columns."""
    rows, columns = len(weights), len(weights[0])
    row_price, column_price = [0.0] * rows, [0.0] * columns
    owner = [-1] * columns
    for start in range(rows):
        least, before, seen = [inf] * columns, [-1] * columns, [False] * columns
        row, at = start, -1
        while True:  # the cheapest way from the new row to a free column
            for column in range(columns):
                cost = -weights[row][column] - row_price[row] - column_price[column]
                if not seen[column] and cost < least[column]:
                    least[column], before[column] = cost, at
            here = min((c for c in range(columns) if not seen[c]), key=lambda c: least[c])
            step = least[here]
            row_price[start] += step
            for column in range(columns):
                if seen[column]:
                    row_price[owner[column]] += step
                    column_price[column] -= step
                else:
                    least[column] -= step
            seen[here], at, row = True, here, owner[here]
            if row < 0:
                break
        while at >= 0:  # hand the columns on along that way
            owner[at] = owner[before[at]] if before[at] >= 0 else start
            at = before[at]
    return owner
