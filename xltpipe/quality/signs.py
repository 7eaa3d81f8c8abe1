"""Signs: where given punctuation stands, looked up among the few characters that are no words."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from xltpipe.quality.keys import Ints
from xltpipe.quality.side import Side

_CODES = 0x110000


@cache
def numbered(characters: str) -> NDArray[np.int16]:
    """For every code point its place in `characters`, counted from 1; 0 where it is not in."""
    table = np.zeros(_CODES, np.int16)
    for number, character in enumerate(characters, 1):
        table[ord(character)] = number
    return table


def places(side: Side, characters: str) -> Ints:
    """Where any of these signs stands (letters, digits and white space are not found)."""
    return side.signs[numbered(characters).take(side.codes[side.signs].astype(np.int64)) > 0]


def counts(side: Side, at: Ints) -> Ints:
    """How many of these places are in each text."""
    return np.bincount(side.texts_at(at), minlength=side.texts)


def joined(side: Side, row: int) -> str:
    """The texts of a row, a line each."""
    first, last = int(side.first[row]), int(side.first[row + 1])
    return side.cut(int(side.start[first]), int(side.end[last - 1])) if first < last else ""
