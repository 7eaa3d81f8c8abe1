"""Word edges: spans that begin or end inside a word, by what each script writes together."""

from __future__ import annotations

import numpy as np
import regex

from xltpipe.quality.characters import ALNUM, ALONE, MARK, Flags
from xltpipe.quality.column import Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.side import Side

_PREFIXES = regex.compile(r"[وفبلكسا]{1,3}ل?ـ*|[והבלכמש]{1,4}")
"""What Arabic and Hebrew write before a word as part of it: and, in, to, as, the."""

_ENDINGS = regex.compile(r"[هيكنا][امن]{0,2}|\p{Hangul}{1,4}")
"""What follows a name as part of its word: Arabic pronouns, Korean particles."""


def inside_word(side: Side) -> Mask:
    """Which spans begin or end inside a word; letters of unspaced scripts are words themselves."""
    starts = _within(side, side.spans.start)
    finishes = _within(side, side.spans.end)
    for k in np.flatnonzero(starts):
        place = int(side.spans.start[k])
        starts[k] = not _PREFIXES.fullmatch(side.cut(_word_start(side, place), place))
    for k in np.flatnonzero(finishes):
        place = int(side.spans.end[k])
        finishes[k] = not _ENDINGS.fullmatch(side.cut(place, _word_end(side, place)))
    return starts | finishes


def _within(side: Side, place: Ints) -> Mask:
    """Both neighbours of the places belong to one word; the line feed behind a text ends it."""
    after = _written_together(side.flags[np.minimum(place, len(side.flags) - 1)])
    return (place > 0) & after & _written_together(side.flags[np.maximum(0, place - 1)])


def _written_together(flags: Flags) -> Mask:
    found: Mask = ((flags & (ALNUM | MARK)) > 0) & ((flags & ALONE) == 0)
    return found


def _word_start(side: Side, place: int) -> int:
    while place > 0 and _written_together(side.flags[place - 1 : place]).all():
        place -= 1
    return place


def _word_end(side: Side, place: int) -> int:
    while place < len(side.flags) and _written_together(side.flags[place : place + 1]).all():
        place += 1
    return place
