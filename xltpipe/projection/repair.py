"""Repair: markers that an engine misspelt, doubled or lost one of, where the text itself tells.

EasyProject (Chen et al., 2023) drops such sentences. Spelling is put right without a guess; where
a marker is missing, the stretch must look like the source span, so names are found and others
stay lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from xltpipe.projection.markup import Style, Unwrapped
from xltpipe.text import tokenise
from xltpipe.types import Bounds

ALIKE = 0.8
"""difflib ratio that a stretch with one lost marker must reach with a name of the source span."""

SPARE = 2
"""Words that such a stretch may be longer than the source span."""

_SPELT: Mapping[Style, re.Pattern[str]] = {
    "letters": re.compile(r"[\[［【〔]\s*([/／]?)\s*([A-Ha-hＡ-Ｈ])\s*[\]］】〕]"),
    "xml": re.compile(r"(?:<|&lt;|＜|〈)\s*([/／]?)\s*([A-Ha-h])\s*(?:>|&gt;|＞|〉)"),
}


def respell(marked: str, style: Style, pairs: Sequence[tuple[str, str]], source: str) -> str:
    """Markers as they were sent, however the engine spaced, cased or widened them.

    What stands in the source text in the same spelling is the text's own.
    """
    if style not in _SPELT or not pairs:
        return marked
    known = {mark for pair in pairs for mark in pair}
    left, right = pairs[0][0][0], pairs[0][0][-1]

    def put_right(match: re.Match[str]) -> str:
        letter = chr(ord(match[2]) - 0xFEE0) if match[2] > "\uff00" else match[2]
        letter = letter.upper() if style == "letters" else letter.lower()
        mark = f"{left}{'/' if match[1] else ''}{letter}{right}"
        return mark if mark in known and match[0] not in source else match[0]

    return _SPELT[style].sub(put_right, marked)


def mend(
    plain: Unwrapped, pair: tuple[str, str], names: Sequence[str]
) -> tuple[Bounds, float] | None:
    """The stretch that a broken pair must have marked, and how like a name of the span it is."""
    opened = sorted(set(plain.opened.get(pair[0], ())))
    closed = sorted(set(plain.closed.get(pair[1], ())))
    if opened and closed:
        ends = [(min(o, c), max(o, c)) for o in opened for c in closed]
        least = 0.5 if len(ends) > 1 else ALIKE  # one pair in the wrong order is a bolder guess
        least = 0.0 if len(ends) == 1 and ends[0] == (opened[0], closed[0]) else least
    else:
        ends = [end for place in opened for end in _from(plain.text, place, names)]
        ends += [end for place in closed for end in _upto(plain.text, place, names)]
        least = ALIKE
    ranked = sorted((-likeness(plain.text[a:b], names), b - a, a) for a, b in ends if a < b)
    if not ranked or -ranked[0][0] < least:
        return None
    alike, size, start = ranked[0]
    return (start, start + size), -alike


def likeness(text: str, names: Sequence[str]) -> float:
    """How alike a text is to the likest of its possible names, 0..1; 1 where it is one."""
    here = text.strip().casefold()
    return max(SequenceMatcher(None, name.casefold(), here).ratio() for name in names)


def _from(text: str, start: int, names: Sequence[str]) -> list[Bounds]:
    bounds = [b for b in tokenise(text).bounds if b[0] >= start][: _room(names)]
    return [(bounds[0][0], end) for _, end in bounds]


def _upto(text: str, end: int, names: Sequence[str]) -> list[Bounds]:
    bounds = [b for b in tokenise(text).bounds if b[1] <= end][-_room(names) :]
    return [(start, bounds[-1][1]) for start, _ in bounds]


def _room(names: Sequence[str]) -> int:
    return max(len(tokenise(name)) for name in names) + SPARE
