"""Characters: what each code point is, looked up for whole arrays at once."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

from xltpipe.text import UNSPACED

Codes = NDArray[np.uint32]
Flags = NDArray[np.uint16]

LETTER: Final = 1 << 0
MARK: Final = 1 << 1
"""Combining marks (M*)."""
DIGIT: Final = 1 << 2
"""Decimal digits of any script (Nd)."""
SPACE: Final = 1 << 3
PUNCTUATION: Final = 1 << 4
"""Punctuation and symbols (P*, S*), as `text.is_punctuation` has them."""
UPPER: Final = 1 << 5
"""Upper and title case."""
CASED: Final = 1 << 6
"""Has another form as a capital."""
WIDE: Final = 1 << 7
"""Two columns on a terminal (Chinese, Japanese, Korean)."""
NARROW: Final = 1 << 8
"""No column at all: combining and format characters."""
ALONE: Final = 1 << 9
"""Of a script that writes without spaces: a word by itself."""
OTHER_NUMBER: Final = 1 << 10
"""Numbers that are no decimal digits (Nl, No)."""
ALNUM: Final = LETTER | DIGIT | OTHER_NUMBER

_PLANES = 0x20000
"""Table size; what lies above is Han (planes 2 and 3), or neither letter nor digit."""
_HAN_END = 0x40000

_KINDS = {"L": LETTER, "M": MARK, "P": PUNCTUATION, "S": PUNCTUATION, "Z": SPACE}


@cache
def _table() -> tuple[Flags, Codes]:
    """Flags and lower case of every code point below `_PLANES`, then of Han beyond, then rest."""
    alone = regex.compile(rf"[{UNSPACED}]", regex.V1)
    flags = np.zeros(_PLANES + 2, np.uint16)
    lower = np.arange(_PLANES + 2, dtype=np.uint32)
    for code in range(_PLANES):
        character = chr(code)
        kind = unicodedata.category(character)
        if kind in {"Cn", "Cs", "Co"}:
            continue
        flag = _KINDS.get(kind[0], 0)
        if kind[0] == "N":
            flag = DIGIT if kind == "Nd" else OTHER_NUMBER
        if character.isspace():
            flag |= SPACE
        if kind[0] == "L":
            flag |= (UPPER if kind in {"Lu", "Lt"} else 0) | (
                CASED if character.lower() != character.title() else 0
            )
            if len(character.lower()) == 1:
                lower[code] = ord(character.lower())
        if kind in {"Mn", "Me", "Cf"}:
            flag |= NARROW
        elif unicodedata.east_asian_width(character) in {"W", "F"}:
            flag |= WIDE
        if flag & (LETTER | MARK) and alone.fullmatch(character):
            flag |= ALONE
        flags[code] = flag
    flags[_PLANES] = LETTER | WIDE | ALONE
    return flags, lower


def _places(codes: Codes) -> NDArray[np.int64]:
    """Where each code point stands in the tables (`take` is twice as fast with signed numbers)."""
    places = codes.astype(np.int64)
    if len(codes) and int(codes.max()) >= _PLANES:
        high = np.where(codes < _HAN_END, _PLANES, _PLANES + 1)
        places = np.where(codes < _PLANES, places, high)
    return places


def flags_of(codes: Codes) -> Flags:
    """What each code point is: the bits above."""
    return _table()[0].take(_places(codes))


def lower_of(codes: Codes) -> Codes:
    """The simple lower case of each code point (Unicode's one-to-one mapping)."""
    if not len(codes) or int(codes.max()) < _PLANES:
        return _table()[1].take(codes.astype(np.int64))
    out = codes.copy()
    inside = codes < _PLANES
    out[inside] = _table()[1][codes[inside]]
    return out


def mixed_of(codes: Codes) -> NDArray[np.uint64]:
    """A well-mixed number for each code point, the same for both cases of a letter."""
    if not len(codes) or int(codes.max()) < _PLANES:
        return _mixed().take(codes.astype(np.int64))
    high = codes >= _PLANES
    out = _mixed()[np.where(high, 0, codes)]
    out[high] = _mix(codes[high])
    return out


@cache
def _mixed() -> NDArray[np.uint64]:
    return _mix(_table()[1])


def _mix(codes: Codes) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        out = (codes.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        out = (out ^ (out >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        out = (out ^ (out >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return out ^ (out >> np.uint64(31))


@cache
def script_table(script: str) -> NDArray[np.bool_]:
    """Which code points below `_PLANES` (then Han beyond, then the rest) are of a script.

    `script` is an ISO 15924 code as the language registry has them (Latn, Cyrl, Jpan, …).
    """
    parts = _SCRIPTS.get(script, (script,))
    wanted = regex.compile("[" + "".join(rf"\p{{Script={p}}}" for p in parts) + "]")
    text = "".join(map(chr, range(0xD800))) + "".join(map(chr, range(0xE000, _PLANES)))
    found = np.zeros(_PLANES + 2, np.bool_)
    for match in wanted.finditer(text):
        code = match.start()
        found[code if code < 0xD800 else code + 0x800] = True
    found[_PLANES] = "Hani" in parts
    return found


_SCRIPTS = {
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani",),
    "Hant": ("Hani",),
}
"""Codes that name a way of writing with several scripts of Unicode."""


def of_script(codes: Codes, script: str) -> NDArray[np.bool_]:
    """Which code points are of a script."""
    return script_table(script).take(_places(codes))
