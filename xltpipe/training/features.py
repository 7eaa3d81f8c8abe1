"""Features: what a CRF sees of a word and its neighbours, chosen to carry over between languages.

Names, loan words and punctuation look alike across languages of one script, so the shape, the
affixes and the neighbours' shapes are features beside the words themselves (after Nothman et
al., 2013, on training name taggers in languages that have no gold data).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from xltpipe.text import is_punctuation

_AFFIX = 4  # longest prefix and suffix, in characters


class _Word(NamedTuple):
    """What is known of a word wherever it stands; computed once per distinct word."""

    shape: str  # runs folded: "McDonald's" gives "XxXx-x"
    own: tuple[str, ...]
    before1: tuple[str, ...]  # what the next word sees of this one
    before2: tuple[str, ...]
    after1: tuple[str, ...]
    after2: tuple[str, ...]


def extract(words: Sequence[str]) -> list[list[str]]:
    """The features of each word of one sentence, one list per word, same order."""
    known = [_look(word) for word in words]
    last = len(known) - 1
    rows: list[list[str]] = []
    for i, word in enumerate(known):
        row = list(word.own)
        if i > 0:
            before = known[i - 1]
            row += before.before1
            row.append(f"-s {before.shape} {word.shape}")
            if i > 1:
                row += known[i - 2].before2
        else:
            row.append("start")
            row.append(f"start {word.shape}")
        if i < last:
            after = known[i + 1]
            row += after.after1
            row.append(f"+s {word.shape} {after.shape}")
            if i + 1 < last:
                row += known[i + 2].after2
        else:
            row.append("end")
        rows.append(row)
    return rows


@lru_cache(maxsize=1 << 17)
def _look(word: str) -> _Word:
    lower = word.lower()
    full = "".join(map(_kind, word))
    shape = _fold(full)
    own = ["bias", f"w {word}", f"l {lower}", f"S {full}", f"s {shape}", f"c {_casing(full)}"]
    own += [f"p {lower[:n]}" for n in range(1, min(_AFFIX, len(lower)) + 1)]
    own += [f"x {lower[-n:]}" for n in range(1, min(_AFFIX, len(lower)) + 1)]
    if "d" in full:
        own.append(f"digits {len(word) if set(full) == {'d'} else 'some'}")
    if is_punctuation(word):
        own.append("punctuation")
    return _Word(
        shape,
        tuple(own),
        (f"-1l {lower}", f"-1s {shape}", f"-1x {lower[-3:]}"),
        (f"-2l {lower}", f"-2s {shape}"),
        (f"+1l {lower}", f"+1s {shape}", f"+1x {lower[-3:]}"),
        (f"+2l {lower}", f"+2s {shape}"),
    )


@lru_cache(maxsize=1 << 14)
def _kind(char: str) -> str:
    """X upper, x lower, o letter without case, d digit, nothing for a mark; others as they are.

    Marks (accents, vowel signs) would break words of Yorùbá or Hindi into random shapes.
    """
    if char.isupper() or char.istitle():
        return "X"
    if char.islower():
        return "x"
    if char.isdigit():
        return "d"
    if char.isalpha():
        return "o"
    return "" if unicodedata.category(char)[0] == "M" else char


def _fold(shape: str) -> str:
    return "".join(kind for i, kind in enumerate(shape) if i == 0 or kind != shape[i - 1])


def _casing(shape: str) -> str:
    """How the letters of an unfolded shape are cased; `istitle` would stumble over accents."""
    letters = "".join(kind for kind in shape if kind in "Xxo")
    if not letters or "o" in letters:
        return "none"
    if "x" not in letters:
        return "upper" if len(letters) > 1 else "initial"
    if "X" not in letters:
        return "lower"
    return "title" if letters.rindex("X") == 0 else "mixed"
