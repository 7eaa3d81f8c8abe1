"""Alignment: how much of both texts has a counterpart, and whether spans hold what they should.

Coverage by links is an old filter of parallel corpora (Taghipour et al., 2011); the links of the
words under a span, both ways, are the label-aware counterpart.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import nan
from typing import Literal

import numpy as np
from pydantic import Field

from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.projection.aligned import scored, words, words_of
from xltpipe.projection.passages import LONG, PassageAligner
from xltpipe.projection.tools import Tools
from xltpipe.projection.traits import EMPTY, Traits
from xltpipe.protocols import Aligner
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.spec import Spec
from xltpipe.types import Alignment, Unit, Words, one_each

COLUMNS = (
    Column(
        "alignment_coverage",
        "unaligned",
        "share",
        "Share of content words with a link, of the side where it is smaller.",
        "ours, after Taghipour et al. (2011)",
        high=1.0,
        usual=Limits(min=0.5),
    ),
    Column(
        "alignment_score",
        "weakly_aligned",
        "share",
        "Mean score of the best links of both sides' content words; 0 for a word without.",
        "ours",
        high=1.0,
    ),
    Column(
        "span_links",
        "span_misplaced",
        "share",
        "Least share of the links of a span's words, on either side, that stay within the span.",
        "ours",
        high=1.0,
        usual=Limits(min=0.5),
    ),
)


class Links(Spec):
    """Settings; texts of more than `passage` words are aligned sentence by sentence."""

    kind: Literal["alignment"] = "alignment"
    aligner: AlignerSpec = Auto()
    passage: int = Field(default=LONG, ge=1)

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return (self.aligner,)

    def check(self) -> None:
        self.aligner.check()

    def fingerprint(self) -> dict[str, str]:
        return {}  # the aligner's own identity holds its files

    def build(self, tools: Tools) -> AlignmentScorer:
        return AlignmentScorer(PassageAligner(tools.aligner(self.aligner), self.passage))


@dataclass(slots=True)
class _Side:
    """Content words of one side, by whether and how well they are linked."""

    linked: int = 0
    score: float = 0.0
    every: int = 0

    def add(self, content: list[int], best: dict[int, float]) -> None:
        self.every += len(content)
        self.linked += sum(k in best for k in content)
        self.score += sum(best.get(k, 0.0) for k in content)


@dataclass(slots=True)
class _Row:
    source: _Side = field(default_factory=_Side)
    target: _Side = field(default_factory=_Side)
    spans: float = nan

    @property
    def coverage(self) -> float:
        """NaN where the source says nothing; 0 where the target does not."""
        if not self.source.every:
            return nan
        return min(s.linked / s.every if s.every else 0.0 for s in (self.source, self.target))

    @property
    def score(self) -> float:
        if not self.source.every:
            return nan
        return (self.source.score + self.target.score) / (self.source.every + self.target.every)


class AlignmentScorer:
    """Scores of all rows by the links of one aligner; function words and punctuation left out."""

    columns = COLUMNS

    def __init__(self, aligner: Aligner) -> None:
        self._aligner = aligner

    def score(self, batch: Batch) -> list[Floats]:
        units = batch.units
        traits = (Traits(batch.source.lang), Traits(batch.target.lang))
        tasks = [
            (row, text)
            for row, unit in enumerate(units)
            for text in range(min(len(unit.source.texts), len(unit.target.texts)))
        ]
        pairs = [(words(units[r].source, t), words(units[r].target, t)) for r, t in tasks]
        found = self._aligner.align(pairs)
        one_each("Aligner", len(pairs), found)
        rows = [_Row() for _ in units]
        for (row, text), (source, target), alignment in zip(tasks, pairs, found, strict=True):
            links = scored(alignment)
            for side, place, each in ((rows[row].source, 0, source), (rows[row].target, 1, target)):
                side.add(_content(each, traits[place]), _best(links, place))
            inside = _within(units[row], text, source, target, alignment)
            rows[row].spans = float(np.fmin(rows[row].spans, inside))
        return [
            np.array([getattr(row, name) for row in rows], np.float64)
            for name in ("coverage", "score", "spans")
        ]


def _content(words: Words, traits: Traits) -> list[int]:
    return [k for k, word in enumerate(words.strings) if not traits[word][1] & EMPTY]


def _best(links: list[tuple[int, int, float]], side: int) -> dict[int, float]:
    """The score of each word's best link."""
    best: dict[int, float] = {}
    for i, j, score in links:
        word = j if side else i
        best[word] = max(score, best.get(word, 0.0))
    return best


def _within(unit: Unit, text: int, source: Words, target: Words, alignment: Alignment) -> float:
    """The least share of links, over the text's placed spans, that join it to its own source.

    Links are those of the span's words on either side; a span without any has 0.
    """
    least = nan
    onward, backward = defaultdict(list), Counter[int]()
    for i, j in alignment.links:
        onward[i].append(j)
        backward[j] += 1
    for placement in unit.placements:
        given = unit.source.spans[placement.source]
        if placement.target is None or given.text != text:
            continue
        theirs = words_of(unit.target.spans[placement.target], target)
        reached = [j for i in words_of(given, source) for j in onward.get(i, ())]
        both = sum(j in theirs for j in reached)
        either = len(reached) + sum(backward[j] for j in theirs) - both
        least = float(np.fmin(least, both / either if either else 0.0))
    return least
