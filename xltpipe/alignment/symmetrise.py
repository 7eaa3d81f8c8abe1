"""Two directed alignments made one (Och & Ney, 2003; Koehn, Och & Marcu, 2003; Liang et al., 2006).

Forward gives each target word at most one source word, reverse each source word at most one
target word. Over posteriors, one threshold on the mean of both directions does it all at once.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Literal

import numpy as np

from xltpipe.alignment.trellis import Floats
from xltpipe.types import Alignment

Link = tuple[int, int]

Combination = Literal["forward", "reverse", "intersection", "union", "grow_diag_final_and"]
"""Ways to combine two sets of links."""

Symmetrisation = Combination | Literal["mean", "geometric_mean"]
"""Ways to combine two matrices of posteriors; the last two keep links above a threshold."""

_NEIGHBOURS = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def combine(how: Combination, forward: AbstractSet[Link], reverse: AbstractSet[Link]) -> set[Link]:
    """The links of both directions as one set."""
    if how == "forward":
        return set(forward)
    if how == "reverse":
        return set(reverse)
    if how == "intersection":
        return set(forward & reverse)
    if how == "union":
        return set(forward | reverse)
    return _grow_diag_final_and(forward, reverse)


def directed(how: Combination, forward: AbstractSet[Link], reverse: AbstractSet[Link]) -> Alignment:
    """The links of both directions as one, scored by how many directions have them: 1 or .5."""
    links = sorted(combine(how, forward, reverse))
    scores = tuple(((link in forward) + (link in reverse)) / 2 for link in links)
    return Alignment(tuple(links), scores)


def symmetrise(
    forward: Floats, reverse: Floats, how: Symmetrisation, threshold: float
) -> Alignment:
    """Links of a sentence pair, scored by the mean of both posteriors.

    Args:
        forward: (source words, target words), p(source word | target word); columns sum to at
            most 1, the rest being the empty word's.
        reverse: (source words, target words), p(target word | source word); rows likewise.
        how: the way to combine them.
        threshold: least (arithmetic or geometric) mean of a link; other ways ignore it.
    """
    mean: Floats = (forward + reverse) * np.float32(0.5)
    if how == "mean":
        links = _above(mean, threshold)
    elif how == "geometric_mean":
        links = _above(forward * reverse, threshold**2)
    else:
        links = sorted(combine(how, _best(forward), {(i, j) for j, i in _best(reverse.T)}))
    scores = tuple(min(1.0, float(mean[link])) for link in links)
    return Alignment(tuple(links), scores)


def _above(matrix: Floats, threshold: float) -> list[Link]:
    rows, columns = np.nonzero(matrix >= threshold)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _best(matrix: Floats) -> set[Link]:
    """The best row of each column, unless the empty word (the mass that is missing) is better."""
    if 0 in matrix.shape:
        return set()
    rows = matrix.argmax(axis=0).tolist()
    beaten = (matrix.max(axis=0) <= 1 - matrix.sum(axis=0)).tolist()
    return {(row, column) for column, row in enumerate(rows) if not beaten[column]}


def _grow_diag_final_and(forward: AbstractSet[Link], reverse: AbstractSet[Link]) -> set[Link]:
    """Grown from the intersection; at last, links of either direction between two free words."""
    links = grow(forward & reverse, forward | reverse)
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    for direction in (forward, reverse):
        for i, j in sorted(direction):
            if i not in sources and j not in targets:
                links.add((i, j))
                sources.add(i)
                targets.add(j)
    return links


def grow(seeds: AbstractSet[Link], union: AbstractSet[Link]) -> set[Link]:
    """From the seeds to neighbours in the union that have a free word, again and again."""
    links = set(seeds)
    sources, targets = {i for i, _ in links}, {j for _, j in links}
    grown = True
    while grown:
        grown = False
        for i, j in sorted(links):
            for down, right in _NEIGHBOURS:
                near = (i + down, j + right)
                free = near[0] not in sources or near[1] not in targets
                if free and near in union and near not in links:
                    links.add(near)
                    sources.add(near[0])
                    targets.add(near[1])
                    grown = True
    return links
