"""Romanisation: words of other scripts in Latin letters, near enough to tell a name by.

A small table, not a standard: it maps letter by letter to what English writes most often, so that
a transliterated name resembles the original (Cyrillic, Greek, Georgian, Armenian, Hebrew, Arabic,
Devanagari). The package anyascii knows every script of Unicode, and can be chosen instead.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

from xltpipe.errors import require

Romanisation = Literal["table", "anyascii", "none"]

VOWELS = frozenset("aeiouy")

# Letters and their Latin counterparts, in turn; "-" for none.
_SCRIPTS = {
    "Cyrillic": (
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџ",
        (
            "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch - y - e yu ya "
            "i yi ye g w j lj nj c dj dz"
        ),
    ),
    "Greek": (
        "αβγδεζηθικλμνξοπρσςτυφχψω",
        "a v g d e z i th i k l m n x o p r s s t y f ch ps o",
    ),
    "Georgian": (
        "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
        "a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h",
    ),
    "Armenian": (
        "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
        "a b g d e z e e t zh i l kh ts k h dz gh ch m y n sh o ch p j r s v t r ts v p k o f ev",
    ),
    "Hebrew": (
        "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
        "a b g d h v z h t i k k l m m n n s a p f ts ts k r sh t",
    ),
    "Arabic": (
        "ابتثجحخدذرزسشصضطظعغفقكلمنهويىةءأإآؤئپچژگکیہھٹڈڑںے",
        (
            "a b t th j h kh d dh r z s sh s d t z a gh f q k l m n h w y a a - a i a w y "
            "p ch zh g k i h h t d r n e"
        ),
    ),
    "Devanagari": (
        "अआइईउऊऋएऐओऔऑकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहािीुूृेैोौॉंँःळ",
        (
            "a a i i u u ri e ai o au o k kh g gh n ch chh j jh n t th d dh n t th d dh n "
            "p ph b bh m y r l v sh sh s h a i i u u ri e ai o au o n n h l"
        ),
    ),
}


def _table() -> dict[int, str]:
    table = {}
    for name, (letters, latin) in _SCRIPTS.items():
        for letter, roman in zip(letters, latin.split(), strict=True):
            if not unicodedata.name(letter).startswith(name.upper()):
                raise ValueError(f"{name} must consist of its own letters, was: {letter!r}")
            table[ord(letter)] = roman.replace("-", "")
    return table | {ord(letter): roman for letter, roman in zip("ßæœøłđðþı", _LATIN, strict=True)}


_LATIN = ("ss", "ae", "oe", "o", "l", "d", "d", "th", "i")

_TABLE = _table()


def romaniser(how: Romanisation) -> Callable[[str], str]:
    """The function that writes a case folded word in Latin letters without marks.

    Raises:
        MissingExtraError: anyascii is chosen and not installed.
    """
    if how == "none":
        return lambda word: word
    if how == "table":
        return romanise
    anyascii: Callable[[str], str] = require("anyascii", "lexical").anyascii
    return lambda word: anyascii(word).lower()


def romanise(word: str) -> str:
    """The word by the table; characters that it does not know stay as they are.

    Tables are read before marks are taken off (й is no и) and after (ά is α, é is e).
    """
    known = unicodedata.normalize("NFC", word).translate(_TABLE)
    bare = "".join(c for c in unicodedata.normalize("NFD", known) if not unicodedata.combining(c))
    return bare.translate(_TABLE)
