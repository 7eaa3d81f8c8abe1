"""Passages: long texts cut into sentences that belong together (Gale & Church, 1993).

Aligners are made for sentences: a word's link is found among twenty words, not among two hundred.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from xltpipe.projection.pairing import Area
from xltpipe.protocols import Aligner, Pair
from xltpipe.types import Alignment, Words, one_each

_END = regex.compile(
    r"""
      [.!?…]+ [\p{Pe}\p{Pf}"'”]* \s+ (?= [\p{P}\s]* [^\p{Ll}\p{P}\s] )
    | [。！？।॥؟]+ [\p{Pe}\p{Pf}"'”]* \s*
    | \s* \n \s*
    """,
    regex.VERBOSE,
)

# Cost of joining so many source with so many target sentences: -log of Gale & Church's priors
# (.89, .089, .011, .0099), relative to one with one.
_BEADS = {(1, 1): 0.0, (1, 2): 2.3, (2, 1): 2.3, (2, 2): 4.4, (1, 0): 4.5, (0, 1): 4.5}
_VARIANCE = 6.8
"""Variance of a sentence's length per character of its counterpart (Gale & Church)."""

LONG = 100
"""Words on a side from which on texts are cut (docs/findings.md)."""

MOST_SENTENCES = 400
"""A text of more sentences than this on a side is aligned whole: the search is quadratic."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Words start..end of the source and of the target that translate each other."""

    source: Area
    target: Area


def passages(source: Words, target: Words) -> list[Passage]:
    """Passages in text order; sentences without a counterpart are in none of them."""
    ours, theirs = _sentences(source), _sentences(target)
    if not max(len(ours), len(theirs)) <= MOST_SENTENCES or not ours or not theirs:
        return [Passage((0, len(source)), (0, len(target)))]
    out = []
    for one, other in _beads(_lengths(source, ours), _lengths(target, theirs)):
        if one[0] < one[1] and other[0] < other[1]:
            here = (ours[one[0]][0], ours[one[1] - 1][1])
            out.append(Passage(here, (theirs[other[0]][0], theirs[other[1] - 1][1])))
    return out


def part(words: Words, area: Area) -> Words:
    """The words of an area; bounds still count from the start of the text."""
    return Words(words.text, words.bounds[area[0] : area[1]])


def cut(source: Words, target: Words, most: int = LONG) -> list[Pair]:
    """The pair as it is, or the pairs of its passages where a side has more than `most` words."""
    if max(len(source), len(target)) <= most:
        return [(source, target)]
    found = passages(source, target)
    return [(part(source, p.source), part(target, p.target)) for p in found]


class PassageAligner:
    """Aligns texts of more than `most` words on a side passage by passage."""

    def __init__(self, aligner: Aligner, most: int) -> None:
        self._aligner, self._most = aligner, most

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; links count words of the whole text."""
        cut = [self._cut(source, target) for source, target in pairs]
        parts = [
            (part(pair[0], p.source), part(pair[1], p.target))
            for pair, found in zip(pairs, cut, strict=True)
            for p in found
        ]
        done = self._aligner.align(parts)
        one_each("Aligner", len(parts), done)
        rest = iter(done)
        return [_joined([(p, next(rest)) for p in found]) for found in cut]

    def _cut(self, source: Words, target: Words) -> list[Passage]:
        if max(len(source), len(target)) <= self._most:
            return [Passage((0, len(source)), (0, len(target)))]
        return passages(source, target)


def _joined(parts: Sequence[tuple[Passage, Alignment]]) -> Alignment:
    if len(parts) == 1 and parts[0][0].source[0] == parts[0][0].target[0] == 0:
        return parts[0][1]
    links: list[tuple[int, int]] = []
    scores: list[float] = []
    for passage, alignment in parts:
        links += [(i + passage.source[0], j + passage.target[0]) for i, j in alignment.links]
        scores += alignment.scores or (1.0,) * len(alignment.links)
    return Alignment(tuple(links), tuple(scores))


def _sentences(words: Words) -> list[Area]:
    """The words of each sentence, by what stands between them; all words are in one."""
    starts = [start for start, _ in words.bounds]
    if not starts:
        return []
    offset = starts[0]
    ends = [m.end() for m in _END.finditer(words.text, offset, words.bounds[-1][1])]
    cuts = sorted({0, len(starts), *(bisect_left(starts, end) for end in ends)})
    return list(pairwise(cuts))


def _lengths(words: Words, sentences: Sequence[Area]) -> list[int]:
    return [words.bounds[end - 1][1] - words.bounds[start][0] for start, end in sentences]


def _beads(ours: Sequence[int], theirs: Sequence[int]) -> list[tuple[Area, Area]]:
    """Which sentences belong together, by length alone: the cheapest path."""
    ratio = sum(theirs) / max(sum(ours), 1)
    best: dict[Area, tuple[float, Area]] = {(0, 0): (0.0, (0, 0))}
    for i in range(len(ours) + 1):
        for j in range(len(theirs) + 1):
            if (i, j) not in best:
                continue
            for (a, b), prior in _BEADS.items():
                to = (i + a, j + b)
                if to[0] > len(ours) or to[1] > len(theirs):
                    continue
                cost = prior + _cost(sum(ours[i : to[0]]) * ratio, sum(theirs[j : to[1]]))
                cost += best[i, j][0]
                if to not in best or cost < best[to][0]:
                    best[to] = (cost, (i, j))
    path = [(len(ours), len(theirs))]
    while path[-1] != (0, 0):
        path.append(best[path[-1]][1])
    path.reverse()
    return [((a, c), (b, d)) for (a, b), (c, d) in pairwise(path)]


def _cost(expected: float, length: float) -> float:
    if not expected or not length:
        return 0.0
    return (length - expected) ** 2 / (2 * _VARIANCE * max(expected, length))
