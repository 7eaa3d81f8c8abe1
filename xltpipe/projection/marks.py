"""Marks: punctuation at the edges of a span, brackets, and words that punctuation cuts in two."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.projection.pairing import Area, Free, Pairing
from xltpipe.projection.traits import PUNCTUATION, UNSPACED

_CLASSES = ("\"'“”„«»‘’‚‹›「」『』", "-–—―", ",،、，", ".。।…", ";；؛", ":：", "!！", "?？؟")
_CLASS = {mark: marks[0] for marks in _CLASSES for mark in marks}
_PARTNER = {")": "(", "]": "[", "}": "{", "»": "«", "”": "“", "）": "（", "」": "「", "』": "『"}


def marked(pairing: Pairing, area: Area, stretch: Area, free: Free, *, clause: bool) -> Area:
    """With the punctuation at an edge where the source span has the like ("Yahoo!")."""
    start, end = stretch
    ours = _marks(pairing, range(area[1] - 1, area[0] - 1, -1), source=True)[::-1]
    if ours:
        size = len(pairing.target)
        theirs = _marks(pairing, range(end, min(size, end + len(ours) + 2)), source=False)
        taken = _common(ours, theirs)
        if clause and taken < len(ours):
            last = [n for n, mark in enumerate(theirs, 1) if mark == ours[-1]]
            taken = last[0] if last else min(len(ours), len(theirs))
        if taken and free(start, end + taken):
            end += taken
    ours = _marks(pairing, range(area[0], area[1]), source=True)[::-1]
    if ours:
        before = range(start - 1, max(start - 1 - len(ours), -1), -1)
        taken = _common(ours, _marks(pairing, before, source=False))
        if taken and free(start - taken, end):
            start -= taken
    return start, end


def _marks(pairing: Pairing, places: Sequence[int], *, source: bool) -> list[str]:
    """The punctuation with which a row of words begins, each mark as one of its class."""
    words = pairing.source if source else pairing.target
    text, bounds = (
        (pairing.source_text, pairing.source_words)
        if source
        else (pairing.target_text, pairing.target_words)
    )
    marks: list[str] = []
    for place in places:
        if not words[place][1] & PUNCTUATION:
            break
        mark = text[bounds[place][0] : bounds[place][1]]
        classes = {_CLASS.get(c, c) for c in mark}
        marks.append(classes.pop() if len(classes) == 1 else mark)
    return marks


def _common(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many marks are alike from the first on."""
    count = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        count += 1
    return count


def bracketed(pairing: Pairing, area: Area, stretch: Area, free: Free) -> Area:
    """With the bracket that closes what was opened inside, if the source span is balanced."""
    start, end = stretch
    words, text = pairing.target_words, pairing.target_text
    while end < len(words) and pairing.target[end][1] & PUNCTUATION:
        closing = text[words[end][0] : words[end][1]]
        opening = _PARTNER.get(closing)
        if opening is None or not free(start, end + 1):
            break
        inside = text[words[start][0] : words[end - 1][1]]
        origin = pairing.source_text[
            pairing.source_words[area[0]][0] : pairing.source_words[area[1] - 1][1]
        ]
        if inside.count(opening) <= inside.count(closing):
            break
        if origin.count(opening) > origin.count(closing):
            break
        end += 1
    return start, end


def whole(pairing: Pairing, area: Area, stretch: Area, free: Free) -> Area:
    """With the rest of what stands together without a space ("90" + "er"), if the source's does."""
    start, end = stretch
    while _glued(pairing, end) and pairing.within(end, area) and free(start, end + 1):
        if _glued(pairing, area[1], source=True):
            break
        end += 1
    while _glued(pairing, start) and pairing.within(start - 1, area) and free(start - 1, end):
        if _glued(pairing, area[0], source=True):
            break
        start -= 1
    return start, end


def _glued(pairing: Pairing, place: int, *, source: bool = False) -> bool:
    """Letters or digits stand on both sides of the edge before this word, without a space."""
    bounds = pairing.source_words if source else pairing.target_words
    if not 0 < place < len(bounds) or bounds[place - 1][1] != bounds[place][0]:
        return False
    words = pairing.source if source else pairing.target
    if (words[place - 1][1] | words[place][1]) & UNSPACED:
        return False
    text = pairing.source_text if source else pairing.target_text
    return text[bounds[place - 1][1] - 1].isalnum() and text[bounds[place][0]].isalnum()
