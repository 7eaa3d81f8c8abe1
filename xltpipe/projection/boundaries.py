"""Boundaries: moving a span's edges to where the same thing ends in the target language.

Articles that one language has and the other has not, punctuation at the edge of a clause, and what
`completion` and `marks` are for (docs/findings.md: what each is worth).
"""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.projection.completion import completed
from xltpipe.projection.marks import bracketed, marked, whole
from xltpipe.projection.pairing import Area, Free, Pairing
from xltpipe.projection.rules import Rules
from xltpipe.projection.traits import (
    ALPHABETIC,
    ARTICLE,
    CAPITAL,
    CLITIC,
    CLOSES,
    EMPTY,
    OPENER,
    PUNCTUATION,
    Trait,
)

CLAUSE_OPENERS = 3
"""Articles and clitics taken in at the head of a clause."""


def is_clause(pairing: Pairing, area: Area, rules: Rules) -> bool:
    """Long, or between two breaks; a name never is, however long."""
    start, end = area
    words = pairing.source
    if end - start < rules.clause:
        return False
    if end - start < rules.long and not (_breaks(words, start) and _breaks(words, end)):
        return False
    return any(bits & ALPHABETIC and not bits & (CAPITAL | EMPTY) for _, bits in words[start:end])


def _breaks(words: Sequence[Trait], place: int) -> bool:
    """A sentence's edge, or punctuation, stands before this word (glued to a word, or alone)."""
    if place in {0, len(words)}:
        return True
    return bool(words[place - 1][1] & CLOSES or words[place][1] & PUNCTUATION)


def settle(
    pairing: Pairing, area: Area, stretch: Area, rules: Rules, free: Free, *, clause: bool
) -> Area:
    """The stretch with its edges moved; it never shrinks to nothing."""
    used, source, target = rules.used, pairing.source, pairing.target
    # what cannot change anything is not called: most spans are a word or two
    if not clause and "completion" in used:
        stretch = completed(pairing, area, stretch, free)
    if clause and "snapping" in used:
        stretch = _snapped(pairing, area, stretch, rules.reach, free)
    if "determiners" in used:
        stretch = _determined(pairing, area, stretch, rules, free, clause=clause)
    if "marks" in used:
        if (source[area[0]][1] | source[area[1] - 1][1]) & PUNCTUATION:
            stretch = marked(pairing, area, stretch, free, clause=clause)
        if stretch[1] < len(target) and target[stretch[1]][1] & PUNCTUATION:
            stretch = bracketed(pairing, area, stretch, free)
    if "glue" in used:
        stretch = whole(pairing, area, stretch, free)
    return stretch


def _snapped(pairing: Pairing, area: Area, stretch: Area, reach: int, free: Free) -> Area:
    """To the sentence's edge or to punctuation near by, where the source clause ends at one.

    Content words that others are linked to are not crossed.
    """
    words, size = pairing.target, len(pairing.target)
    start, end = stretch
    if _breaks(pairing.source, area[0]):
        for place in range(start, max(start - reach, 0) - 1, -1):
            if place < start and _foreign(pairing, place, area):
                break
            if place == 0 or words[place - 1][1] & CLOSES:
                start = place if free(place, end) else start
                break
    if _breaks(pairing.source, area[1]) or pairing.source[area[1] - 1][1] & CLOSES:
        for place in range(end, min(end + reach, size) + 1):
            if place > end and _foreign(pairing, place - 1, area):
                break
            if _breaks(words, place):
                end = place if free(start, place) else end
                break
    return start, end


def _foreign(pairing: Pairing, j: int, area: Area) -> bool:
    """A content word that is linked, but not to the span."""
    if pairing.target[j][1] & EMPTY or j not in pairing.backward:
        return False
    return not pairing.touches(j, area)


def _determined(
    pairing: Pairing, area: Area, stretch: Area, rules: Rules, free: Free, *, clause: bool
) -> Area:
    """With the article before it, or without the one at its head, as the policy says."""
    source, target = pairing.source, pairing.target
    start, end = stretch
    head = next((b for _, b in source[area[0] : area[1]] if not b & PUNCTUATION), 0)
    as_source = rules.determiners == "as_source" and bool(head & OPENER)
    if not (clause or as_source or rules.determiners == "inside"):
        if not target[start][1] & ARTICLE:
            return stretch
        own = set() if head & OPENER else {word for word, _ in source[area[0] : area[1]]}
        while end - start > 1 and target[start][1] & ARTICLE and target[start][0] not in own:
            start += 1
        return start, end
    wanted = ARTICLE | CLITIC if clause else ARTICLE
    for _ in range(CLAUSE_OPENERS if clause else 1):
        if start == 0 or target[start - 1][1] & CLOSES or not target[start - 1][1] & wanted:
            break
        if not clause and (target[start][1] & ARTICLE or not pairing.within(start - 1, area)):
            break
        if area[0] - 1 in pairing.backward.get(start - 1, ()) or not free(start - 1, end):
            break
        start -= 1
    return start, end
