"""Scores of a unit that need no model: what was lost, left over, copied, or of an odd length.

Each is one number per unit, stored as a column; what it means for the row is decided later.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from xltpipe.text import is_punctuation, key, tokenise
from xltpipe.types import Example, Unit

MARKS = ("[", "]", "<", ">", "{", "}", "⟨", "⟩", "⟦", "⟧", "《", "》", "【", "】")
"""Characters that markers are made of, and what engines turn them into."""


class SpansPlaced:
    """Share of the source's spans that were placed, 0..1; 1 where there are none."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [
            sum(p.target is not None for p in u.placements) / len(u.placements)
            if u.placements
            else 1.0
            for u in units
        ]


class TargetWords:
    """Number of words of the shortest target text whose source text is not empty."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        out = []
        for unit in units:
            counts = [
                float(len(tokenise(t)))
                for s, t in zip(unit.source.texts, unit.target.texts, strict=True)
                if s.strip()
            ]
            out.append(min(counts) if counts else 0.0)
        return out


class LengthRatio:
    """Target characters per source character (all texts), NaN where the source is empty."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [
            sum(map(len, u.target.texts)) / n if (n := sum(map(len, u.source.texts))) else nan
            for u in units
        ]


class Copied:
    """Share 0..1 of the target's words outside spans that stand in the source outside spans.

    Names and numbers are left out; NaN where fewer than three words remain.
    """

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [self._one(u) for u in units]

    def _one(self, unit: Unit) -> float:
        source = set(_plain_words(unit.source))
        target = _plain_words(unit.target)
        if len(target) < 3 or not source:
            return nan
        return sum(word in source for word in target) / len(target)


class Truncated:
    """1 where an engine's length limit cut the input or the output, else 0."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [float(any(t.truncated for t in u.received)) for u in units]


class MarkerResidue:
    """Marker characters in the target texts beyond those in the source texts."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [
            float(
                sum(
                    max(0, _count(u.target.texts, mark) - _count(u.source.texts, mark))
                    for mark in MARKS
                )
            )
            for u in units
        ]


def outside_spans(example: Example) -> str:
    """All texts with a space in place of each span: names fool language identification."""
    parts = []
    for number, text in enumerate(example.texts):
        at = 0
        spans = sorted((s for s in example.spans if s.text == number), key=lambda s: s.start)
        for span in spans:
            parts.append(text[at : span.start])
            at = max(at, span.end)
        parts.append(text[at:])
    return " ".join(parts)


def _plain_words(example: Example) -> list[str]:
    words = tokenise(outside_spans(example)).strings
    return [key(w) for w in words if not is_punctuation(w) and not w[0].isdigit()]


def _count(texts: Sequence[str], mark: str) -> int:
    return sum(text.count(mark) for text in texts)
