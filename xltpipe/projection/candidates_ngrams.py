"""Candidates without a generator: all n-grams around the words that a span is linked to."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from xltpipe.projection.placing import Place
from xltpipe.text import is_punctuation
from xltpipe.types import Alignment, Bounds, Words

UNLINKED = 0.2
"""Most weight of the evidence for a span without links: it only says which words are free."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How far n-grams may go.

    `window` words beyond the linked ones, at most `max_ratio` times as long as the span (and at
    least so much shorter), and no more than `most` of them.
    """

    window: int
    max_ratio: float
    most: int


@dataclass(frozen=True, slots=True)
class Links:
    """What the alignment says of one span: where it puts it, if anywhere, and how surely (0..1).

    `taken` are the target words that are linked to words outside the span, with their best score.
    """

    place: Bounds | None
    trust: float
    taken: Mapping[int, float]

    def evidence(self, stretch: Bounds) -> float:
        """How well a stretch of target words agrees with the links, 0..1.

        The share of words in common with the place (Dice); without a place, the share of words
        that no other words are linked to.
        """
        start, end = stretch
        if self.place is None:
            return sum(1.0 - self.taken.get(j, 0.0) for j in range(start, end)) / (end - start)
        shared = min(end, self.place[1]) - max(start, self.place[0])
        return 2.0 * max(0, shared) / (end - start + self.place[1] - self.place[0])


def links_of(covered: range, alignment: Alignment, place: Place | str) -> Links:
    """What the links and the place by links alone (or the reason for none) say of one span."""
    if not isinstance(place, str):
        return Links((place[0], place[1]), place[2], {})
    taken: dict[int, float] = {}
    scores = alignment.scores or (1.0,) * len(alignment.links)
    for (i, j), score in zip(alignment.links, scores, strict=True):
        if i not in covered:
            taken[j] = max(score, taken.get(j, 0.0))
    return Links(None, 1.0, taken)


def ngrams(
    covered: range, links: Links, source: Words, target: Words, limits: Limits
) -> tuple[list[Bounds], int]:
    """Stretches of target words for a span, nearest to its links first, and how many were cut off.

    The place by links alone is always among them; a span without one looks at the whole text.
    Edges are punctuation only where the span's own are.
    """
    ours, theirs = source.strings[covered.start : covered.stop], target.strings
    size = len(theirs)
    centre = links.place
    low, high = (
        (max(0, centre[0] - limits.window), min(size, centre[1] + limits.window))
        if centre
        else (0, size)
    )
    least, longest = _lengths(len(ours), len(source), size, limits.max_ratio)
    # Without links what stands at the same relative place is nearest.
    shift = covered.start * size / max(1, len(source))
    near = centre or (round(shift), round(shift) + len(ours))
    edges = [not is_punctuation(word) for word in theirs]
    opens, closes = (bool(ours) and is_punctuation(ours[at]) for at in (0, -1))
    found = [
        (start, end)
        for start in range(low, high)
        if opens or edges[start]
        for end in range(start + 1, min(high, start + longest) + 1)
        if (closes or edges[end - 1]) and end - start >= least
    ]
    if centre and centre not in found:
        found.append(centre)
    found.sort(key=lambda s: (abs(s[0] - near[0]) + abs(s[1] - near[1]), s))
    return found[: limits.most], max(0, len(found) - limits.most)


def _lengths(words: int, source: int, target: int, max_ratio: float) -> tuple[int, int]:
    """Fewest and most target words for a span of so many, given both texts' lengths.

    A language that writes more words than the other (Chinese, cut into characters) gets more.
    """
    rate = target / max(1, source)
    least = math.floor(words * min(1.0, rate) / max_ratio)
    return max(1, least), math.ceil(words * max(1.0, rate) * max_ratio)
