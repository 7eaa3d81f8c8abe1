"""Search: the best places of two markers in a tree of bounds, exactly.

A pair can be forgotten once a bound on its score lies under the worst score that is kept.
Bounds tighten from opening to closing to the end; what is left is scored in full.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xltpipe.projection.constrained_problem import Tally
from xltpipe.translation.forced_tree import Branches, Flags, Tree
from xltpipe.translation.forced_weights import Floats

Method = Literal["exhaustive", "branch_and_bound"]

MARGIN = 1e-3
"""Bounds and scores are sums in float32 in another order: closer than this they are equal."""

_CHUNK = 6  # openings that branch and bound opens before it looks at the best score again
_FINALISTS = 4  # pairs scored in full at a time


@dataclass(frozen=True, slots=True)
class Rules:
    """How to search. `look_ahead` below zero is exact; `allowed` may rule out openings."""

    method: Method
    count: int
    look_ahead: int = -1
    openings: Flags | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best (opening, closing) by place in the template's lists, their scores, and the total."""

    pairs: tuple[tuple[int, int], ...]
    scores: tuple[float, ...]
    total: float


class Search:
    """One search in one tree; `allowed[opening, closing]` are the pairs that may be chosen."""

    def __init__(self, tree: Tree, allowed: Flags, rules: Rules, tally: Tally) -> None:
        self._tree, self._rules, self._tally = tree, rules, tally
        self._allowed = allowed
        if rules.openings is not None:
            left = allowed & rules.openings[:, None]
            self._allowed = left if left.any() else allowed  # no span is lost to the heuristic
        self._exact: dict[tuple[int, int], float] = {}
        self._guesses = np.full(allowed.shape, -np.inf, np.float32)
        # what would follow a closing if the markers were forgotten: a guess, never a bound
        self._tails = (tree.sums[-1] - tree.sums[tree.template.closings])[None]

    def run(self) -> Ranking:
        rows = np.flatnonzero(self._allowed.any(1))
        rows = rows[np.argsort(-self._tree.before[rows], kind="stable")]
        exhaustive = self._rules.method == "exhaustive"
        step = min(self._tree.rows_at_once, len(rows) if exhaustive else _CHUNK) or 1
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            part = part[self._tree.before[part] >= self._floor() - MARGIN]
            if len(part):
                self._chunk(np.sort(part))
        ranked = sorted((-score, pair) for pair, score in self._exact.items())[: self._rules.count]
        known = self._guesses.copy()
        for (row, column), score in self._exact.items():
            known[row, column] = score
        total = float(np.logaddexp.reduce(known[np.isfinite(known)])) if ranked else -math.inf
        pairs, scores = tuple(p for _, p in ranked), tuple(-cost for cost, _ in ranked)
        return Ranking(pairs, scores, total)

    def _floor(self) -> float:
        """The worst score that is kept; no pair under it can be among the best."""
        if len(self._exact) < self._rules.count:
            return -math.inf
        return sorted(self._exact.values(), reverse=True)[self._rules.count - 1]

    def _chunk(self, rows: NDArray[np.intp]) -> None:
        branches = self._tree.open(rows)
        self._tally.opened += len(rows)
        through = np.where(self._allowed[rows], branches.bounds, -np.inf)
        guesses = through + self._tails
        self._guesses[rows] = guesses
        likely = np.argsort(-guesses, axis=None)[: self._rules.count]
        self._score([(r, c) for r, c in self._places(rows, likely, guesses)])
        kept = through >= self._floor() - MARGIN
        if self._rules.look_ahead >= 0:
            kept &= self._ahead(branches)
        kept &= np.isfinite(through)
        self._tally.closed += int(kept.sum())
        bounds = self._tree.close(branches, kept, self._floor() - MARGIN)
        self._guesses[rows] = np.where(kept, bounds, guesses)
        order = np.argsort(-bounds, axis=None)[: int(kept.sum())]
        for start in range(0, len(order), _FINALISTS):
            part = order[start : start + _FINALISTS]
            part = part[bounds.ravel()[part] >= self._floor() - MARGIN]
            if not len(part):
                return
            self._score(self._places(rows, part, bounds))

    def _places(
        self, rows: NDArray[np.intp], flat: NDArray[np.intp], values: Floats
    ) -> list[tuple[int, int]]:
        """Pairs of flat places in a part of the rows, those without a value left out."""
        width = values.shape[1]
        finite = [int(k) for k in flat if np.isfinite(values.ravel()[k])]
        return [(int(rows[k // width]), k % width) for k in finite]

    def _score(self, pairs: list[tuple[int, int]]) -> None:
        new = [pair for pair in pairs if pair not in self._exact]
        if new:
            self._exact |= dict(zip(new, self._tree.exact(new), strict=True))
            self._tally.scored += len(new)

    def _ahead(self, branches: Branches) -> Flags:
        """The paper's pruning with look-ahead α, against the worst hypothesis kept (inexact).

        A pair is dropped if after any step up to its closing its score is no better than the
        hypothesis' was α steps later.
        """
        ranked = sorted(self._exact.items(), key=lambda item: -item[1])[: self._rules.count]
        steps = self._tree.steps(ranked[-1][0])
        tree, alpha = self._tree, self._rules.look_ahead

        def later(length: NDArray[np.intp]) -> Floats:
            found: Floats = steps[np.minimum(length + alpha, len(steps) - 1)]
            return found

        size = len(tree.template.target)
        trunk = np.logical_or.accumulate(tree.sums[: size + 1] <= later(np.arange(size + 1)))
        at = tree.template.openings[branches.rows]
        slots = branches.first + np.arange(branches.steps.shape[1])  # a slot t follows t + 1 steps
        bad = (branches.steps <= later(slots + 1)) & (slots[None] >= at[:, None])
        bad = np.logical_or.accumulate(bad, axis=1)
        columns = np.maximum(tree.template.closings - branches.first, 0)
        closed = branches.bounds <= later(tree.template.closings + 2)[None]
        flags: Flags = ~(trunk[at][:, None] | bad[:, columns] | closed)
        return flags


def openings_by_difference(
    marked: Floats, plain: Floats, high: float, low: float, window: int
) -> Flags:
    """The paper's opening candidates: tokens that the source's markers made more or less likely.

    Those that changed by `low` within `window` of one that changed by `high`; none means all.
    """
    change = np.abs(marked - plain)
    seeds = np.flatnonzero(change >= high)
    near = np.abs(np.arange(len(change))[:, None] - seeds[None]) <= window
    chosen: Flags = near.any(1) & (change >= low)
    return chosen if chosen.any() else np.ones(len(change), bool)
