"""Problems of constrained decoding: one source span, one target text, where it may go."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from xltpipe.projection.markup import wrap
from xltpipe.types import Span, Words


@dataclass(frozen=True, slots=True)
class Problem:
    """Where does one span of a source text lie in a target text.

    `marks` are the texts of the markers around the span. `longest` is the most words that the
    answer may have.
    """

    source: str
    span: Span
    target: Words
    marks: tuple[str, str]
    longest: int

    @property
    def marked(self) -> str:
        """The source with only this span between markers."""
        return wrap(self.source, [self.span], [self.marks])

    def pairs(self) -> Iterable[tuple[int, int]]:
        """Every (first word, last word) that the answer may have."""
        count = len(self.target)
        for first in range(count):
            for last in range(first, min(count, first + self.longest)):
                yield first, last


@dataclass(frozen=True, slots=True)
class Candidate:
    """Target words first..last with the score of the target marked there (sum of log p)."""

    first: int
    last: int
    score: float

    def overlaps(self, other: Candidate) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True, slots=True)
class Solution:
    """The best candidates, best first, and log Σ exp of the scores of all pairs.

    The total is exact where every pair was scored in full. Of pairs that were ruled out it holds
    the bound by which they were, or for those ruled out at their closing what they would have if
    the rest of the text went on as without markers; so confidences are estimates, mostly too low.
    """

    candidates: tuple[Candidate, ...]
    total: float

    def confidence(self, candidate: Candidate) -> float:
        """The share of a candidate in the probability of all pairs, 0..1."""
        return float(min(1.0, math.exp(min(0.0, candidate.score - self.total))))

    def lead(self, candidate: Candidate) -> float | None:
        """How far its confidence is ahead of the best other's, 0..1; None if no other is known."""
        others = [self.confidence(c) for c in self.candidates if c != candidate]
        return max(0.0, self.confidence(candidate) - max(others)) if others else None


@dataclass(slots=True)
class Tally:
    """What the search has cost and missed so far; `pairs` that a cap on length left out apart."""

    spans: int = 0
    pairs: int = 0
    capped: int = 0
    opened: int = 0
    closed: int = 0
    scored: int = 0
    audited: int = 0
    missed: int = 0
    lost: dict[str, int] = field(default_factory=dict)

    @property
    def miss_rate(self) -> float:
        """The share of audited spans whose best pair the heuristics missed; NaN without audit."""
        return self.missed / self.audited if self.audited else math.nan


def best(pairs: Iterable[tuple[int, int]], scores: Iterable[float], count: int) -> Solution:
    """The solution when every pair has been scored; earlier and shorter first on ties."""
    ranked = sorted((-score, pair) for pair, score in zip(pairs, scores, strict=True))
    found = tuple(Candidate(*pair, -cost) for cost, pair in ranked[:count])
    total = float(np.logaddexp.reduce([-cost for cost, _ in ranked])) if ranked else -math.inf
    return Solution(found, total)
