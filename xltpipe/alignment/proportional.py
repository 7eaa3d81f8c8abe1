"""Windows on a long sentence pair: the same share of both sides, with as much again around it.

Translations mostly keep the order of what they say, so the words from 30 to 40 % of the source
are looked for among those from 25 to 45 % of the target. Links further off the diagonal than one
part are missed; each other link is found in exactly one window.
"""

from __future__ import annotations

from dataclasses import dataclass

from xltpipe.protocols import Pair
from xltpipe.types import Alignment, Words


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a pair as a pair of its own: where it begins on both sides, the sizes of the
    whole, and the share of the text (0..1) whose links it keeps.
    """

    pair: Pair
    begins: tuple[int, int]
    sizes: tuple[int, int]
    low: float
    high: float

    def kept(self, found: Alignment) -> dict[tuple[int, int], float]:
        """The links that belong to this window, counted in the whole, with their scores."""
        out = {}
        for (i, j), score in zip(found.links, found.scores, strict=True):
            link = (i + self.begins[0], j + self.begins[1])
            middle = sum((w + 0.5) / n for w, n in zip(link, self.sizes, strict=True)) / 2
            if self.low <= middle < self.high:
                out[link] = score
        return out


def whole(pair: Pair) -> Window:
    """All of a pair."""
    return Window(pair, (0, 0), (len(pair[0]), len(pair[1])), 0.0, 1.0)


def windows(pair: Pair, parts: int) -> list[Window]:
    """Windows of half a part's overlap on each side; both sides must have words."""
    out = []
    for part in range(parts):
        cut = [_stretch(len(side), part, parts) for side in pair]
        (a, b), (c, d) = cut
        out.append(
            Window(
                (_slice(pair[0], a, b), _slice(pair[1], c, d)),
                (a, c),
                (len(pair[0]), len(pair[1])),
                part / parts,
                (part + 1) / parts,
            )
        )
    return out


def _stretch(size: int, part: int, parts: int) -> tuple[int, int]:
    """Words that touch the part or half a part around it: at least one."""
    start = max(0, (2 * part - 1) * size // (2 * parts))
    end = min(size, -(-(2 * part + 3) * size // (2 * parts)))
    return start, max(end, start + 1)


def _slice(words: Words, start: int, end: int) -> Words:
    bounds = words.bounds[start:end]
    first = bounds[0][0]
    text = words.text[first : bounds[-1][1]]
    return Words(text, tuple((left - first, right - first) for left, right in bounds))
