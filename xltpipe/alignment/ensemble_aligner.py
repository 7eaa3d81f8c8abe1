"""The ensemble at work: each member's links side by side, then one rule for all."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe.alignment.symmetrise import Link, grow
from xltpipe.protocols import Aligner, Pair
from xltpipe.types import Alignment, one_each

if TYPE_CHECKING:
    from xltpipe.alignment.ensemble import How

ROUNDING = 1e-9
"""By so much sums of weights may miss their floor: 0.7 + 0.1 is less than 0.8."""


@dataclass(frozen=True, slots=True)
class _Opinion:
    """What a member thinks of a sentence pair; one that is partial abstains from other words."""

    links: dict[Link, float]
    sources: frozenset[int]
    targets: frozenset[int]
    weight: float
    partial: bool

    def counts(self, link: Link) -> bool:
        return not self.partial or link[0] in self.sources or link[1] in self.targets


class EnsembleAligner:
    """Aligns by all members; `skipped` and `windowed` are the sums of theirs."""

    def __init__(
        self,
        members: Sequence[Aligner],
        *,
        partial: Sequence[bool],
        weights: Sequence[float],
        how: How,
        floor: float,
    ) -> None:
        self.members = members
        self._partial, self._weights = partial, weights
        self.how, self.floor = how, floor

    def __copy__(self) -> EnsembleAligner:
        """One of the same members, with counters of its own."""
        return EnsembleAligner(
            [copy(member) for member in self.members],
            partial=self._partial,
            weights=self._weights,
            how=self.how,
            floor=self.floor,
        )

    @property
    def skipped(self) -> int:
        return sum(getattr(member, "skipped", 0) for member in self.members)

    @property
    def windowed(self) -> int:
        return sum(getattr(member, "windowed", 0) for member in self.members)

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        found = [member.align(pairs) for member in self.members]
        for alignments in found:
            one_each("Aligner", len(pairs), alignments)
        return [self._together(row) for row in zip(*found, strict=True)]

    def _together(self, alignments: Sequence[Alignment]) -> Alignment:
        opinions = [
            _opinion(*each) for each in zip(alignments, self._weights, self._partial, strict=True)
        ]
        union = sorted(set().union(*(one.links for one in opinions)))
        means = {link: _mean(link, opinions) for link in union}
        if self.how == "mean":
            kept = [link for link in union if means[link] >= self.floor - ROUNDING]
        elif self.how == "votes":
            kept = [link for link in union if _votes(link, opinions) >= self.floor - ROUNDING]
        else:
            shared = {
                link
                for link in union
                if all(link in one.links for one in opinions if one.counts(link))
            }
            kept = sorted(grow(shared, set(union)))
        return Alignment(tuple(kept), tuple(means[link] for link in kept))


def _opinion(alignment: Alignment, weight: float, partial: bool) -> _Opinion:  # noqa: FBT001
    scores = alignment.scores or (1.0,) * len(alignment.links)
    return _Opinion(
        dict(zip(alignment.links, scores, strict=True)),
        frozenset(i for i, _ in alignment.links),
        frozenset(j for _, j in alignment.links),
        weight,
        partial,
    )


def _mean(link: Link, opinions: Sequence[_Opinion]) -> float:
    said = [one for one in opinions if one.counts(link)]
    whole = sum(one.weight for one in said)
    return min(1.0, sum(one.weight * one.links.get(link, 0.0) for one in said) / whole)


def _votes(link: Link, opinions: Sequence[_Opinion]) -> float:
    return sum(one.weight for one in opinions if link in one.links)
