"""Completion: target words without a link that stand for source words without one.

"Green tea crème" is "creme de té verde": where only "creme" and "té" are linked, the noun phrase
ends at "verde" all the same.
"""

from __future__ import annotations

from xltpipe.projection.pairing import Area, Free, Pairing
from xltpipe.projection.traits import ACRONYM, CAPITAL, CLOSES, EMPTY, JOINING, UNSPACED

MOST_JOINERS = 2
"""Function words crossed to reach a word without a link ("puré de patatas", "al aire")."""

MOST_COMPLETED = 2
"""Words without a link that are taken in on the right."""


def completed(pairing: Pairing, area: Area, stretch: Area, free: Free) -> Area:
    """With neighbours without a link, as many as there are source words without a place."""
    start, end = stretch
    missing, spelled = _missing(pairing, area, stretch)
    if missing + spelled <= 0:
        return stretch
    after = _right(pairing, area, end, missing, spelled)
    if after > end and free(start, after):
        missing -= after - end
        end = after
    if missing > 0:
        before = _left(pairing, area, start)
        if before < start and free(before, end):
            start = before
    return start, end


def _missing(pairing: Pairing, area: Area, stretch: Area) -> tuple[int, int]:
    """How many content words are still without a place, and letters of an acronym to spell out."""
    source, target = pairing.source[area[0] : area[1]], pairing.target[stretch[0] : stretch[1]]
    first = source[0][1]
    if len(source) == 1 and not target[0][1] & EMPTY and not first & ACRONYM:
        return 0, 0  # a word for a word: the usual case, told quickly
    if any(bits & UNSPACED for _, bits in source) or any(bits & UNSPACED for _, bits in target):
        return 0, 0  # characters on one side, words on the other: counting says nothing
    missing = sum(
        not bits & EMPTY and not _elsewhere(pairing, i, stretch)
        for i, (_, bits) in enumerate(source, area[0])
    )
    own = {word for word, bits in source if not bits & EMPTY}
    missing -= sum(not bits & EMPTY or word in own for word, bits in target)
    if len(source) == len(target) == 1 and first & ACRONYM:
        short = target[0][1] & ACRONYM or not target[0][1] & CAPITAL
        return max(missing, 0), 0 if short else sum(c.isalpha() for c in source[0][0]) - 1
    return missing, 0


def _elsewhere(pairing: Pairing, i: int, stretch: Area) -> bool:
    """The source word has a content word as a place outside the stretch."""
    start, end = stretch
    return any(
        not start <= j < end and not pairing.target[j][1] & EMPTY
        for j, _ in pairing.forward.get(i, ())
    )


def _right(pairing: Pairing, area: Area, end: int, missing: int, spelled: int) -> int:
    """The end after joiners and words without a link; capitals only, to spell an acronym out."""
    target, size = pairing.target, len(pairing.target)
    if target[end - 1][1] & CLOSES:
        return end
    first = end
    while (
        first < size
        and first - end < MOST_JOINERS
        and target[first][1] & JOINING
        and pairing.within(first, area)
    ):
        first += 1
    last = first
    most = max(min(missing, MOST_COMPLETED), spelled)
    while last < size and last - first < most and last not in pairing.backward:
        bits = target[last][1]
        if bits & (EMPTY | UNSPACED) or (last - first >= missing and not bits & CAPITAL):
            break
        last += 1
        if bits & CLOSES:
            break
    return last if last > first else end


def _left(pairing: Pairing, area: Area, start: int) -> int:
    """The start before one word without a link and the joiners behind it."""
    target, place = pairing.target, start
    while (
        place > 0
        and start - place < MOST_JOINERS
        and target[place - 1][1] & JOINING
        and not target[place - 1][1] & CLOSES
        and pairing.within(place - 1, area)
    ):
        place -= 1
    found = place - 1
    if found < 0 or found in pairing.backward:
        return start
    return start if target[found][1] & (EMPTY | UNSPACED | CLOSES) else found
