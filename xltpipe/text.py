"""Text as words: tokenising with exact offsets, and keys under which words are compared."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import regex

from xltpipe.types import Bounds, Words

# One alternative per kind of word, first match wins. Scripts that write without spaces give one
# grapheme per word (a segmenter may do better; alignment only needs units that are small enough).
# U+30FC and U+FF70 lengthen a vowel of kana and are of no script.
UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\u30fc\uff70\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""The letters of scripts that write without spaces, for use inside a set of `regex`."""

SIGNS = regex.compile(r"(?:[^\p{L}\p{N}\p{M}]\p{M}*)+")
"""What is no letter and no digit. Marks are part of what they stand on: vowels of Hindi, tones of
Yoruba, which Python's `\\W` takes for signs.
"""

_START = rf"[[\p{{L}}\p{{N}}_]--[{UNSPACED}]]"
_INSIDE = rf"[[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d]--[{UNSPACED}]]"
_WORD = regex.compile(
    rf"""
      [{UNSPACED}]\p{{M}}*
    | \p{{Nd}}+(?:[.,:/]\p{{Nd}}+)*                              # 1,234.5  12:30  3/4
    | \p{{L}}{{1,2}}['’](?=\p{{L}}{{2}})                           # l'  d'  O'
    | ['’]\p{{L}}{{1,3}}(?![\p{{L}}\p{{N}}])                       # 's  're
    | {_START}{_INSIDE}*(?:[-\u2010\u2011\u00b7]{_START}{_INSIDE}*)*  # words, with joiners inside
    | \.{{2,}}
    | (?!\s)\X                                                 # one grapheme: punctuation, emoji
    """,
    regex.VERBOSE | regex.V1,
)

CLOSING = frozenset(".,;:!?)]}»”’%…。、，！？；：）」』》؟،؛।")
OPENING = frozenset("([{«“‘¿¡（「『《")
"""Marks that stand at the word before them, and at the word behind them, in most languages."""


def tokenise(text: str) -> Words:
    """Cut a text of any script into words with exact bounds; white space is never a word."""
    return Words(text, tuple(match.span() for match in _WORD.finditer(text)))


def split_spaces(text: str) -> tuple[Bounds, ...]:
    """The bounds of the pieces between white space."""
    return tuple(match.span() for match in regex.finditer(r"\S+", text))


@lru_cache(maxsize=1 << 16)
def is_punctuation(word: str) -> bool:
    """Every character is punctuation or a symbol in Unicode's sense (categories P*, S*)."""
    return bool(word) and all(unicodedata.category(c)[0] in "PS" for c in word)


@lru_cache(maxsize=1 << 18)
def key(word: str) -> str:
    """The form under which words are aligned: NFKC, case folded, glued punctuation stripped.

    A word of punctuation only keeps it. Measured effect on projection: docs/findings.md.
    """
    folded = unicodedata.normalize("NFKC", word).casefold()
    start, end = 0, len(folded)
    while start < end and unicodedata.category(folded[start])[0] in "PS":
        start += 1
    while end > start and unicodedata.category(folded[end - 1])[0] in "PS":
        end -= 1
    return folded[start:end] or folded
