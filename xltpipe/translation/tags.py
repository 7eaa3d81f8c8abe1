"""Tags: span ids inside a text, for engines that carry inline markup along by themselves.

They are written with three of the noncharacters that Unicode keeps for use inside programs (The
Unicode Standard, 23.7): no text has them, so none must be escaped. An id may come back in several
pieces, and those of different ids may overlap in any way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_OPENS, _CLOSES, _ENDS = "\ufdd0", "\ufdd1", "\ufdd2"
_TAG = re.compile(f"([{_OPENS}{_CLOSES}])([0-9]{{1,9}}){_ENDS}")
_OWN = re.compile(f"[{_OPENS}{_CLOSES}{_ENDS}]")

Piece = tuple[int, int, int]
"""Half-open start and end in code points of the text without tags, and the id; never empty."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A text and the pieces of it that bear ids."""

    text: str
    pieces: tuple[Piece, ...] = ()


def taggable(text: str) -> bool:
    """None of the characters that tags are made of stands in the text."""
    return _OWN.search(text) is None


def write(text: str, pieces: Sequence[Piece]) -> str:
    """The text with a pair of tags around each piece; at one place closing tags come first."""
    marks = [(start, 1, -end, f"{_OPENS}{id}{_ENDS}") for start, end, id in pieces]
    marks += [(end, 0, -start, f"{_CLOSES}{id}{_ENDS}") for start, end, id in pieces]
    out, at = [], 0
    for place, *_, mark in sorted(marks):
        out += [text[at:place], mark]
        at = place
    return "".join([*out, text[at:]])


def read(marked: str) -> Tagged:
    """The text without its tags; one whose tags do not pair up has none, and is left as it is."""
    out: list[str] = []
    opened: dict[int, int] = {}
    pieces: list[Piece] = []
    at = size = 0
    for match in _TAG.finditer(marked):
        out.append(marked[at : match.start()])
        size += match.start() - at
        at, id = match.end(), int(match[2])
        if (match[1] == _OPENS) == (id in opened):
            return Tagged(marked)
        if match[1] == _OPENS:
            opened[id] = size
        elif (start := opened.pop(id)) < size:
            pieces.append((start, size, id))
    if opened:
        return Tagged(marked)
    return Tagged("".join([*out, marked[at:]]), tuple(sorted(pieces)))
