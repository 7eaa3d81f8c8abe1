"""Cells: the words of a target text, and the stretches of them that may be an answer."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from xltpipe.text import is_punctuation, tokenise
from xltpipe.types import Bounds, Example, Span

_SPARE = 2
"""Words that an answer may have over the length ratio: articles, particles, clitics."""

# What has a meaning in the regular expressions of servers' grammar engines, outside of classes.
_MEANINGFUL = frozenset("\\.^$*+?{}[]|()")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an answer may look like: at most `words` cells, and punctuation at an edge or not."""

    words: int
    opening: bool
    closing: bool


def cells(example: Example, text: int) -> list[Bounds]:
    """The stretches between all word bounds, the data's and our own, that are no white space."""
    whole = example.texts[text]
    bounds = [*tokenise(whole).bounds, *(example.tokens if text == 0 else ())]
    points = sorted({point for bound in bounds for point in bound})
    return [(a, b) for a, b in pairwise(points) if not whole[a:b].isspace()]


def limits(covered: str, words: int, cells: tuple[int, int], ratio: float) -> Limits:
    """The limits for a source span.

    Args:
        covered: the text under the span, of `words` cells.
        cells: how many cells source and target text have: their ratio is the languages'.
        ratio: how many times longer an answer may be than is to be expected.
    """
    source, target = cells
    expected = words * target / max(1, source)
    return Limits(
        math.ceil(ratio * expected) + _SPARE,
        opening=is_punctuation(covered[:1]),
        closing=is_punctuation(covered[-1:]),
    )


def count(span: Span, bounds: Sequence[Bounds]) -> int:
    """How many cells a span touches."""
    return sum(a < span.end and span.start < b for a, b in bounds)


def candidates(
    text: str, bounds: Sequence[Bounds], within: Limits, most: int
) -> dict[str, list[Bounds]] | None:
    """Every stretch within the limits by its text (`plain`), with all its places, in text order.

    None if there are more than `most`. A stretch begins or ends with punctuation only if the
    source span does; one with control characters is none: servers' grammars cannot spell it.
    """
    found: dict[str, list[Bounds]] = {}
    for start, end in _stretches(text, bounds, within):
        words = plain(text[start:end])
        if not spelled(words):
            continue
        found.setdefault(words, []).append((start, end))
        if len(found) > most:
            return None
    return found


def fits(place: Bounds, text: str, bounds: Sequence[Bounds], within: Limits) -> bool:
    """Whether a stretch of whole cells keeps to the limits."""
    inside = [text[a:b] for a, b in bounds if a < place[1] and place[0] < b]
    return (
        len(inside) <= within.words
        and (within.opening or not is_punctuation(inside[0]))
        and (within.closing or not is_punctuation(inside[-1]))
    )


def longest(text: str, bounds: Sequence[Bounds], within: Limits) -> int:
    """Bytes of the longest stretch within the limits: no tokeniser makes more tokens of it."""
    ends = [bounds[min(k + within.words, len(bounds)) - 1][1] for k in range(len(bounds))]
    return max(len(text[a:end].encode()) for (a, _), end in zip(bounds, ends, strict=True))


def pattern(text: str, bounds: Sequence[Bounds], within: Limits) -> str:
    """A regular expression for the same stretches, one nested branch per first word."""
    branches: list[str] = []
    for i, (start, _) in enumerate(bounds):
        if not within.opening and is_punctuation(text[start : bounds[i][1]]):
            continue
        branch = _branch(text, bounds[i : i + within.words], closing=within.closing)
        if branch and branch not in branches:
            branches.append(branch)
    return "|".join(branches)


def spelled(text: str) -> bool:
    """Whether a grammar can hold a text: white space becomes a blank, control characters stay."""
    return not any(unicodedata.category(c) == "Cc" for c in plain(text))


def _stretches(text: str, bounds: Sequence[Bounds], within: Limits) -> Iterator[Bounds]:
    bare = [is_punctuation(text[a:b]) for a, b in bounds]
    for i, (start, _) in enumerate(bounds):
        if bare[i] and not within.opening:
            continue
        for j in range(i, min(len(bounds), i + within.words)):
            if within.closing or not bare[j]:
                yield start, bounds[j][1]


def plain(text: str) -> str:
    """The text with each white space as one blank: how prompts and answers show it."""
    return " ".join(text.split())


def _branch(text: str, bounds: Sequence[Bounds], *, closing: bool) -> str:
    """The first word and, as far as wanted, those after it; empty if it can end nowhere."""
    after = ""
    for k in range(len(bounds) - 1, -1, -1):
        start, end = bounds[k]
        gap = " " if k and bounds[k - 1][1] < start else ""
        word = gap + _escaped(text[start:end])
        if closing or not is_punctuation(text[start:end]):
            after = f"{word}({after})?" if after else word
        elif after:
            after = word + after
    return after


def _escaped(word: str) -> str:
    return "".join(f"\\{c}" if c in _MEANINGFUL else c for c in word)
