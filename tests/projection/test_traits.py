"""What words are to the rules: function words by language, shapes in several scripts."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest

from xltpipe.languages import resolve
from xltpipe.projection import traits
from xltpipe.projection.traits import (
    ACRONYM,
    ARTICLE,
    CAPITAL,
    CLITIC,
    CLOSES,
    DETERMINER,
    DIGITS,
    FUNCTION,
    JOINER,
    PUNCTUATION,
    SMALL,
    UNSPACED,
    Traits,
)

WORDS = [
    # language, word, bits it has, bits it has not
    ("spa", "La", ARTICLE | CLITIC | CAPITAL, JOINER | PUNCTUATION),
    ("spa", "del", JOINER | SMALL, ARTICLE),
    ("fra", "l’", ARTICLE, PUNCTUATION),
    ("ita", "dell'", JOINER, ARTICLE),
    ("deu", "zum", JOINER, ARTICLE),
    ("eng", "'s", JOINER, ARTICLE),
    ("eng", "their", DETERMINER, JOINER),
    ("spa", "sushi.", CLOSES | SMALL, PUNCTUATION | FUNCTION),
    ("spa", "¿", PUNCTUATION, SMALL | CAPITAL),
    ("zho", "北", UNSPACED, CAPITAL | SMALL | FUNCTION),
    ("tha", "ก", UNSPACED, PUNCTUATION),
    ("kor", "서울", 0, UNSPACED | CAPITAL),
    ("eng", "UN", ACRONYM | CAPITAL, DIGITS),
    ("eng", "U.S.", ACRONYM, PUNCTUATION),
    ("eng", "I", CAPITAL, ACRONYM),
    ("hin", "१२", DIGITS, PUNCTUATION),
    ("xho", "the", SMALL, FUNCTION),
]


@pytest.mark.parametrize(("lang", "word", "has", "lacks"), WORDS)
def test_words_have_their_bits(lang: str, word: str, has: int, lacks: int) -> None:
    _, bits = Traits(lang)[word]
    assert bits & has == has
    assert not bits & lacks


def test_words_go_by_their_key() -> None:
    assert Traits("eng")["«Zoë»"][0] == "zoë"


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traits, "MOST", 3)
    known = Traits("spa")
    for word in ("a", "b", "c", "el", "de"):
        assert known[word] == Traits("spa")[word]
    assert len(known) <= 3


def test_the_languages_of_the_data_are_known_ones() -> None:
    text = (files("xltpipe.projection") / "function_words.toml").read_text("utf-8")
    for lang, groups in tomllib.loads(text).items():
        assert resolve(lang).id == lang
        assert set(groups) == {"articles", "determiners", "joiners", "clitics", "others"}
