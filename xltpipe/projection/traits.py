"""Traits: what a word is to the rules that place spans, looked up once for each word form."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import regex

from xltpipe.text import UNSPACED as UNSPACED_LETTERS
from xltpipe.text import is_punctuation, key

Trait = tuple[str, int]
"""The key under which a word is compared, and what it is, as bits."""

ARTICLE = 1
DETERMINER = 2
JOINER = 4
OTHER = 8
CLITIC = 16
PUNCTUATION = 32
CLOSES = 64
"""Ends with punctuation: nothing joins it to the next word."""
UNSPACED = 128
"""Of a script without spaces between words: the word is a character."""
DIGITS = 256
CAPITAL = 512
SMALL = 1024
ACRONYM = 2048
ALPHABETIC = 4096

FUNCTION = ARTICLE | DETERMINER | JOINER | OTHER
EMPTY = FUNCTION | PUNCTUATION
"""Without content of its own."""
JOINING = ARTICLE | JOINER
OPENER = ARTICLE | DETERMINER

MOST = 1 << 18
"""Word forms remembered; then all are forgotten, which changes speed only."""

_GROUPS = {
    "articles": ARTICLE,
    "determiners": DETERMINER,
    "joiners": JOINER,
    "clitics": CLITIC,
    "others": OTHER,
}
_UNSPACED = regex.compile(f"[{UNSPACED_LETTERS}]")


class Traits(dict[str, Trait]):
    """The traits of the words of one language; a language without data has no function words."""

    def __init__(self, lang: str) -> None:
        super().__init__()
        self._listed = _listed().get(lang, {})

    def __missing__(self, word: str) -> Trait:
        if len(self) >= MOST:
            self.clear()
        folded = key(word)
        trait = self[word] = (folded, self._listed.get(folded, 0) | _shape(word))
        return trait


def _shape(word: str) -> int:
    bits = PUNCTUATION if is_punctuation(word) else 0
    if word and unicodedata.category(word[-1])[0] in "PS":
        bits |= CLOSES
    if word[:1].isalpha():
        bits |= ALPHABETIC
    if word[:1].isupper():
        bits |= CAPITAL
    elif word[:1].islower():
        bits |= SMALL
    if 2 <= len(word) <= 8 and _letters(word) <= 5 and word.isupper():
        bits |= ACRONYM
    if any(c.isdigit() for c in word):
        bits |= DIGITS
    return bits | (UNSPACED if _UNSPACED.match(word) else 0)


def _letters(word: str) -> int:
    return sum(c.isalpha() for c in word)


@cache
def _listed() -> Mapping[str, Mapping[str, int]]:
    text = (files("xltpipe.projection") / "function_words.toml").read_text("utf-8")
    out: dict[str, dict[str, int]] = {}
    for lang, groups in tomllib.loads(text).items():
        bits = out.setdefault(lang, {})
        for group, words in groups.items():
            for word in words.split():
                bits[key(word)] = bits.get(key(word), 0) | _GROUPS[group]
    return out
