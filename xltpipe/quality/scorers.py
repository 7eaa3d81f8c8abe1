"""Scores of a unit that need no model: what was lost, left over, copied, or of an odd length.

Each is one number per unit, stored as a column; what it means for the row is decided later.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import nan
from unicodedata import category, east_asian_width

from xltpipe.text import is_punctuation, key, tokenise
from xltpipe.types import Example, Unit

MARKS = "[]<>{}⟨⟩⟦⟧【】［］"
"""Characters that markers are made of, and what engines turn them into."""

FEW = 8
"""Columns added to both lengths: of short texts, the right translation may be thrice as long."""


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
    """Number of words of the shortest target text whose source text is not blank.

    Punctuation counts only where the source is nothing else.
    """

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [
            min(
                (
                    float(
                        _words(target) if any(map(str.isalnum, source)) else len(tokenise(target))
                    )
                    for source, target in zip(u.source.texts, u.target.texts, strict=True)
                    if source.strip()
                ),
                default=0.0,
            )
            for u in units
        ]


class LengthRatio:
    """Length of the target texts to that of the source's, NaN where the source is blank.

    Lengths are columns on a terminal plus FEW: wide characters (Chinese, Japanese, Korean) count
    twice and marks on letters not at all, so that one pair of limits serves all scripts.
    """

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [
            (_columns(u.target) + FEW) / (_columns(u.source) + FEW)
            if any(text.strip() for text in u.source.texts)
            else nan
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
    """Marker characters in the target texts beyond those in the source; 0 if none were sent."""

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [float(self._one(u)) for u in units]

    def _one(self, unit: Unit) -> int:
        if unit.sent[: len(unit.source.texts)] == unit.source.texts:
            return 0
        given, made = "".join(unit.source.texts), "".join(unit.target.texts)
        return sum(max(0, made.count(mark) - given.count(mark)) for mark in MARKS)


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


def _words(text: str) -> int:
    return sum(not is_punctuation(word) for word in tokenise(text).strings)


def _columns(example: Example) -> int:
    return sum(len(t) if t.isascii() else sum(map(_width, t)) for t in example.texts)


@lru_cache(maxsize=1 << 14)
def _width(character: str) -> int:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1
