"""Selection: one candidate per span, all spans of a text together, the best sum of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MOST_STEPS = 20_000
"""Steps of one search; then the best choice so far is taken, and the search counted as cut."""


@dataclass(frozen=True, slots=True)
class Option:
    """Target words start..end for a span.

    `score` is what is reported; `rank` decides, a whole number so that sums are exact and equal
    ones do not depend on the order of summing.
    """

    start: int
    end: int
    score: float
    rank: int

    def overlaps(self, other: Option) -> bool:
        return self.start < other.end and other.start < self.end


def rank_of(order: tuple[float, float, float]) -> int:
    """A rank by what decides (0..1), then the measure itself, then closeness to the links (0..1).

    Equal names have equal measures everywhere: closeness keeps each one in its own place.
    """
    first, second, third = order
    high, low = round(first * 1e6), round(min(second, 9.0) * 1e6)
    return (high * 10**7 + low) * 10**7 + round(third * 1e6)


def lead(chosen: Option, options: Sequence[Option]) -> float:
    """How far the score is ahead of the best other option's, 0..1; the score itself if alone."""
    others = (o.score for o in options if (o.start, o.end) != (chosen.start, chosen.end))
    return min(1.0, max(0.0, chosen.score - max(others, default=0.0)))


def select(
    options: Sequence[Sequence[Option]], may_overlap: Sequence[Sequence[bool]]
) -> tuple[list[Option | None], int]:
    """One option per span or None, maximising the summed rank, and the number of searches cut.

    `may_overlap[k][m]` says that the spans overlap in the source and so may in the target.
    """
    ordered = [sorted(one, key=lambda o: (-o.rank, o.start, o.end)) for one in options]
    chosen: list[Option | None] = [one[0] if one else None for one in ordered]
    group = list(range(len(chosen)))
    cut: dict[int, bool] = {}
    # Who gives way may meet a third one: until nobody does.
    while _merge(group, chosen, may_overlap):
        for name in sorted(set(group)):
            cluster = [k for k, g in enumerate(group) if g == name]
            if len(cluster) > 1:
                search = _Search(cluster, ordered, may_overlap)
                for k, option in zip(cluster, search.best, strict=True):
                    chosen[k] = option
                cut[name] = search.steps > MOST_STEPS
    return chosen, sum(cut.get(name, False) for name in set(group))


def contested(options: Sequence[Sequence[Option]], may_overlap: Sequence[Sequence[bool]]) -> bool:
    """Whether the spans' own best options stand in each other's way."""
    tops = [max(one, key=lambda o: o.rank, default=None) for one in options]
    return _merge(list(range(len(tops))), tops, may_overlap)


def _merge(
    group: list[int], chosen: Sequence[Option | None], may_overlap: Sequence[Sequence[bool]]
) -> bool:
    """Put spans that conflict into one group, in place; whether any were apart before."""
    apart = False
    for k, a in enumerate(chosen):
        for m, b in enumerate(chosen[:k]):
            if a is None or b is None or group[k] == group[m] or may_overlap[k][m]:
                continue
            if a.overlaps(b):
                old, new, apart = group[k], group[m], True
                group[:] = [new if g == old else g for g in group]
    return apart


class _Search:
    """Branch and bound: depth first, best options first, given up where the rest cannot win."""

    def __init__(
        self,
        cluster: Sequence[int],
        options: Sequence[Sequence[Option]],
        may_overlap: Sequence[Sequence[bool]],
    ) -> None:
        self._cluster, self._options, self._may_overlap = cluster, options, may_overlap
        tops = [options[k][0].rank if options[k] else 0 for k in cluster]
        self._rest = [sum(tops[n:]) for n in range(len(tops) + 1)]
        self._total = -1
        self.steps = 0
        self.best: list[Option | None] = [None] * len(cluster)
        self._visit([], 0)

    def _visit(self, taken: list[Option | None], total: int) -> None:
        self.steps += 1
        place = len(taken)
        if place == len(self._cluster):
            if total > self._total:
                self._total, self.best = total, taken
            return
        k = self._cluster[place]
        for option in self._options[k]:
            if total + option.rank + self._rest[place + 1] <= self._total:
                break
            if self.steps > MOST_STEPS:
                return
            if self._fits(k, option, taken):
                self._visit([*taken, option], total + option.rank)
        if total + self._rest[place + 1] > self._total:
            self._visit([*taken, None], total)

    def _fits(self, k: int, option: Option, taken: Sequence[Option | None]) -> bool:
        return not any(
            other is not None and not self._may_overlap[k][m] and option.overlaps(other)
            for m, other in zip(self._cluster, taken, strict=False)
        )
