"""Sentence ends inside a stretch of text, in the marks of all scripts; abbreviations are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import regex

from xltpipe.quality.characters import Codes
from xltpipe.quality.column import Mask

_MARKS = ".!?…‽⸮;\u037e։؟۔।॥።፧။៕。！？｡．՜՞\n"
"""Marks that may end a sentence; the Greek question mark may be written as a semicolon."""

_END = regex.compile(
    r"""
      # a full stop ends a sentence behind a word that is no abbreviation, before a capital
      (?: (?<= \b\p{Ll}[\p{Ll}\p{M}]{3,} | \b\p{Lu}[\p{Ll}\p{M}]{5,} ) \.
        | (?<= \p{Lo}[\p{Lo}\p{M}]{2} | \d{4} ) \.
        | [!?…‽]+ )
      [\p{Pe}\p{Pf}"'”’»]* \s+ (?= [\p{Ps}\p{Pi}"'¿¡«„]* [\p{Lu}\p{Lt}\p{Lo}] )
    | [։؟۔।॥።፧။៕。！？｡．] [\p{Pe}\p{Pf}"'”’»]* \s* (?= \S )
    | (?<= \p{Greek} ) [;\u037e] \s+ (?= \S )
    | (?<= \S ) [\ \t]* \n \s* (?= \S )
    """,
    regex.VERBOSE,
)


@cache
def _table() -> Mask:
    found = np.zeros(max(map(ord, _MARKS)) + 1, np.bool_)
    found[[ord(mark) for mark in _MARKS]] = True
    return found


def possible(codes: Codes) -> Mask:
    """Which code points may end a sentence: the screen before `ends`."""
    table = _table()
    return (codes < len(table)) & table[np.minimum(codes, len(table) - 1)]


def ends(text: str) -> int:
    """How many sentences end inside the text, something following."""
    return sum(1 for _ in _END.finditer(text))
