"""Numerals: whether two strings may be the same number in the conventions of two languages.

1,234.5 is 1.234,5 and 1’234.5; 1.234 alone may be a thousand and more or one and a bit, so a
numeral has readings, and two numerals are alike if they share one.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

_NUMERAL = regex.compile(r"[0-9]+(?:[.,'’\u066b\u066c\s][0-9]+)*")
_MARK = regex.compile(r"[.,'’\u066b\u066c\s]")


@lru_cache(maxsize=1 << 16)
def readings(word: str) -> frozenset[str]:
    """The numbers that a word may stand for, as plain decimals; empty if it is no number."""
    plain = "".join(
        str(unicodedata.decimal(c)) if unicodedata.category(c) == "Nd" else c for c in word
    )
    if not _NUMERAL.fullmatch(plain):
        return frozenset()
    marks = _MARK.findall(plain)
    groups = _MARK.split(plain)
    whole = "".join(groups)
    fraction = f"{''.join(groups[:-1])}.{groups[-1]}" if marks else whole
    if not marks:
        found = {whole}
    elif len(set(marks)) > 1:  # 1,234.5: the last mark is another, and so the decimal one
        found = {fraction}
    elif all(len(group) == 3 for group in groups[1:]):
        found = {whole, fraction} if len(marks) == 1 else {whole}
    elif len(marks) == 1:
        found = {fraction}
    else:  # 192.168.0.1, 24.12.2020: no number but a row of them
        found = {".".join(groups)}
    return frozenset(map(_plain, found))


def _plain(number: str) -> str:
    """Without zeros that change nothing: 007 stays, 7.50 is 7.5."""
    if number.count(".") != 1:
        return number
    return number.rstrip("0").rstrip(".")
