"""Pieces: from the stretches of a target text that bear one span's tag to the span itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xltpipe.projection.marks import marked
from xltpipe.projection.pairing import Area, Pairing
from xltpipe.projection.traits import ARTICLE, EMPTY, JOINER, OPENER, PUNCTUATION
from xltpipe.types import Bounds

BETWEEN = 3
"""Function words that may lie between two pieces of one span ("universidad de la ciudad")."""

_PARTING = frozenset(",.;:!?…¿¡")
"""Marks that part what they stand between, unless the source span has them, too."""

Tagged = tuple[int, int, Area]
"""A tagged piece in characters, and the target words that it touches."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A source span in characters and in words, and the pieces that came back for it, in order."""

    span: Bounds
    area: Area
    pieces: Sequence[Tagged]

    def apart(self, other: Claim) -> bool:
        """The two share nothing in the source."""
        return self.span[1] <= other.span[0] or other.span[1] <= self.span[0]

    def touches(self, word: int) -> bool:
        return any(start <= word < end for _, _, (start, end) in self.pieces)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a span goes, in characters and in words; `how` if not simply to one tagged piece."""

    start: int
    end: int
    area: Area
    how: str = ""

    def meets(self, other: Stretch) -> bool:
        return self.start < other.end and other.start < self.end


def assemble(pairing: Pairing, claim: Claim, others: Sequence[Claim]) -> Stretch | str:
    """The place of a span, or why it has none; `others` are the spans apart from it."""
    if not claim.pieces:
        return _copied(pairing, claim)
    trimmed = [_trimmed(pairing, claim.area, _stretch(piece)) for piece in claim.pieces]
    solid = [one for one in trimmed if not _bare(pairing.target, one.area)]
    if not solid:
        if not _bare(pairing.source, claim.area):
            alone = all(_punctuation(pairing.target, one.area) for one in trimmed)
            return "punctuation_only" if alone else "span_empty"
        solid = trimmed
    whole = solid[0]
    for piece in solid[1:]:
        if not _joinable(pairing, claim, (whole.area[1], piece.area[0]), others):
            return "discontinuous"
        gap = not all(map(claim.touches, range(whole.area[1], piece.area[0])))
        area = (whole.area[0], max(whole.area[1], piece.area[1]))
        how = "joined" if gap else whole.how
        whole = Stretch(whole.start, max(whole.end, piece.end), area, how)
    return _with_marks(pairing, claim, whole, others)


def _stretch(piece: Tagged) -> Stretch:
    start, end, area = piece
    return Stretch(start, end, area)


def _bare(words: Sequence[tuple[str, int]], area: Area) -> bool:
    return all(bits & EMPTY for _, bits in words[area[0] : area[1]])


def _punctuation(words: Sequence[tuple[str, int]], area: Area) -> bool:
    return all(bits & PUNCTUATION for _, bits in words[area[0] : area[1]])


def _trimmed(pairing: Pairing, area: Area, stretch: Stretch) -> Stretch:
    """Without the function words and marks at its edges that the source span has not at its own.

    An article stays where the source span opens with a determiner, a preposition where it opens
    with one; the very word that the source span has at this edge stays in any case.
    """
    source = pairing.source[area[0] : area[1]]
    inner = [trait for trait in source if not trait[1] & PUNCTUATION]
    if not inner:
        return stretch
    (first, _), (last, _) = inner[0], inner[-1]
    head = _foreign(inner[0][1]) | (PUNCTUATION & ~source[0][1])
    tail = _foreign(inner[-1][1]) | (PUNCTUATION & ~source[-1][1])
    start, end = stretch.area
    words = pairing.target
    while end - start > 1 and words[start][1] & head and words[start][0] != first:
        start += 1
    while end - start > 1 and words[end - 1][1] & tail and words[end - 1][0] != last:
        end -= 1
    return _moved(pairing, stretch, (start, end))


def _foreign(bits: int) -> int:
    """Kinds of function words that do not belong at an edge where the source has this word."""
    article = 0 if bits & OPENER else ARTICLE
    return article | (0 if bits & JOINER else JOINER)


def _moved(pairing: Pairing, stretch: Stretch, area: Area) -> Stretch:
    """The stretch with other words at its edges; an edge that stays keeps its very character."""
    words = pairing.target_words
    start = stretch.start if area[0] == stretch.area[0] else words[area[0]][0]
    end = stretch.end if area[1] == stretch.area[1] else words[area[1] - 1][1]
    return replace(stretch, start=start, end=end, area=area)


def _joinable(pairing: Pairing, claim: Claim, gap: Area, others: Sequence[Claim]) -> bool:
    """Nothing but a few function words, which no other span has, lies between two pieces."""
    between = [word for word in range(*gap) if not claim.touches(word)]
    if len(between) > BETWEEN:
        return False
    covered = pairing.source_text[claim.span[0] : claim.span[1]]
    for word in between:
        if not pairing.target[word][1] & EMPTY or any(o.touches(word) for o in others):
            return False
        start, end = pairing.target_words[word]
        mark = pairing.target_text[start:end]
        if mark in _PARTING and mark not in covered:
            return False
    return True


def _with_marks(
    pairing: Pairing, claim: Claim, stretch: Stretch, others: Sequence[Claim]
) -> Stretch:
    """With the punctuation at an edge where the source span has the like: it bears no tag."""
    source, target = pairing.source, pairing.target
    if claim.area[0] == claim.area[1]:
        return stretch
    edges = (claim.area[0], stretch.area[0]), (claim.area[1] - 1, stretch.area[1] - 1)
    wanting = [source[i][1] & PUNCTUATION and not target[j][1] & PUNCTUATION for i, j in edges]
    if not any(wanting):
        return stretch

    def free(start: int, end: int) -> bool:
        return not any(o.touches(word) for o in others for word in range(start, end))

    area = marked(pairing, claim.area, stretch.area, free, clause=False)
    area = (
        area[0] if wanting[0] else stretch.area[0],
        area[1] if wanting[1] else stretch.area[1],
    )
    return _moved(pairing, stretch, area)


def _copied(pairing: Pairing, claim: Claim) -> Stretch | str:
    """Where the very text of the span stands in the target, if it does so once on either side."""
    ours, theirs = pairing.source_text, pairing.target_text
    covered = ours[claim.span[0] : claim.span[1]].strip()
    if covered and ours.count(covered) == theirs.count(covered) == 1:
        start = theirs.index(covered)
        end = start + len(covered)
        touched = [n for n, (a, b) in enumerate(pairing.target_words) if a < end and start < b]
        if touched:
            return Stretch(start, end, (touched[0], touched[-1] + 1), "copied")
    return "tags_lost"


def part(pairing: Pairing, one: Stretch, other: Stretch) -> tuple[Stretch | str, Stretch | str]:
    """Two stretches that meet, though their spans do not: the longer gives up what they share.

    A contraction of the last word of the one and the first of the other is the usual case. What
    has nothing left to give has the reason `overlap`.
    """
    long, short = sorted((one, other), key=lambda s: s.area[0] - s.area[1])
    area = long.area
    if short.area[0] <= area[0]:
        area = (min(short.area[1], area[1]), area[1])
    elif short.area[1] >= area[1]:
        area = (area[0], max(short.area[0], area[0]))
    kept: Stretch | str = "overlap"
    inside = area[0] < area[1] and area != long.area
    if inside and not _bare(pairing.target, area):
        kept = _moved(pairing, long, area)
    return (kept, short) if long is one else (short, kept)
