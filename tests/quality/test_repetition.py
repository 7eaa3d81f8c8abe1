"""Loops and n-grams that come again."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.quality.text_units import fails, one, pair, several
from xltpipe.quality.repetition import LEAST, Repetition

SORRY = "I'm sorry I'm sorry I'm sorry I'm sorry"


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Lo siento mucho.", SORRY, 3),
        ("Lo siento, lo siento, lo siento, lo siento", SORRY, 0),
        ("Lo siento, lo siento", SORRY, 2),
        ("He works hard.", "Él trabaja muy muy duro.", 1),
        ("He works hard.", "Él trabaja muy muy muy duro.", 2),
        ("A, a, a!", "¡Una, una, una!", 0),  # one character there, three here
        ("He ran.", "no no no no", 3),
        ("He ran.", "a a a a a a", 2),  # two of one character are a unit of three
        ("a b c", "uno dos tres cuatro uno dos tres cuatro uno dos tres cuatro", 2),
        ("a b c", "uno dos tres cuatro cinco seis siete ocho " * 3, 2),
        ("a b c", "uno dos tres cuatro cinco seis siete ocho nueve " * 3, 0),
        ("It rains.", "下雨了下雨了下雨了下雨了", 3),
        ("Every day.", "天天", 0),
        ("She was sorry.", "她感到非常非常非常抱歉", 0),  # 非常 is too short for a unit
        ("She was sorry.", "她感到非常非常非常非常非常非常抱歉", 2),  # 非常非常 is not
        ("He is here.", "वह यहाँ है वह यहाँ है वह यहाँ है", 2),
        ("He is here.", "هو هنا هو هنا هو هنا", 2),
        ("เขา", "เขาอยู่ที่นี่เขาอยู่ที่นี่เขาอยู่ที่นี่", 2),
        ("Wow", "Guaaaaaaaaaaaau", 3),
        ("Hmm", "......", 1),
        ("Waaaaaaaaaaaaaaaow", "Guaaaaaaaaaaaau", 0),
        ("ha", "😀😀😀😀😀😀😀😀😀", 2),
        ("", "", 0),
    ],
)
def test_loops(source: str, target: str, expected: int) -> None:
    assert one(Repetition(), pair(source, target)) == expected


def test_the_rule_lets_one_repeat_pass() -> None:
    assert "loops" not in fails(Repetition(), pair("Very good.", "Muy muy bueno."))
    assert "loops" in fails(Repetition(), pair("Good.", "Muy muy muy bueno."))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("x", "a b c d e f", 0),
        ("x", "a b c d a b c", 1 / 5),
        ("a b c d a b c", "a b c d a b c", 0),
        ("x", "a b", 0),
        ("x", "a a a a", 1 / 2),
        ("x", "A b C. D, a B c", 1 / 5),
        ("x", "我们在北京见面也在北京见", 0),  # shorter than six characters
        ("x", "我们在北京见面我们在北京见面", 2 / 9),
    ],
)
def test_repeated_ngrams(source: str, target: str, expected: float) -> None:
    assert one(Repetition(), pair(source, target), "repeated_ngrams") == pytest.approx(expected)


def test_the_worst_text_counts() -> None:
    made = several(("Lo siento.", "Hola."), ("I am sorry.", SORRY))
    assert one(Repetition(), made) == 3
    assert one(Repetition(), several(("Lo siento.", SORRY), (SORRY, "Hola."))) == 3


def repeats(words: list[str], least: int) -> int:
    """How often the unit that is repeated most comes again, by trying all."""
    best = 0
    for period in range(1, 9):
        for start in range(len(words)):
            unit = words[start : start + period]
            times = 0
            while words[start + (times + 1) * period :][:period] == unit:
                times += 1
            if len(unit) == period and len(" ".join(unit)) >= least:
                best = max(best, times)
    return best


words = st.lists(st.sampled_from(["si", "no", "uno", "dos"]), max_size=24)


@given(source=words, target=words)
@settings(max_examples=300, deadline=None)
def test_loops_are_what_trying_finds(source: list[str], target: list[str]) -> None:
    expected = max(0, repeats(target, LEAST) - repeats(source, 1))
    assert one(Repetition(), pair(" ".join(source), " ".join(target))) == expected


@given(source=words, target=words)
@settings(max_examples=200, deadline=None)
def test_ngrams_are_what_counting_finds(source: list[str], target: list[str]) -> None:
    def share(own: list[str]) -> float:
        grams = Counter(zip(own, own[1:], own[2:], strict=False))
        return (grams.total() - len(grams)) / max(grams.total(), 1)

    found = one(Repetition(), pair(" ".join(source), " ".join(target)), "repeated_ngrams")
    assert found == pytest.approx(max(0, share(target) - share(source)))
