"""Copies, whole or in part, with names left out."""

from __future__ import annotations

from math import isnan, nan

import pytest
from hypothesis import given, settings

from tests.quality.text_units import one, pair, several, units
from xltpipe.quality.batch import Batch
from xltpipe.quality.copies import LEAST, Copied, Identical
from xltpipe.quality.side import Side
from xltpipe.types import Unit


@pytest.mark.parametrize(
    ("source", "target", "names", "expected"),
    [
        ("the cat is here", "the cat is here", (), 1.0),
        ("The cat is here.", "the CAT is here !", (), 1.0),
        ("the cat is here", "el gato está aquí", (), 0.0),
        ("the cat is no more", "el gato no está", (), 0.25),
        ("Ana Ruiz met Bob", "Ana Ruiz conoció a Bob ayer", ("Ana Ruiz", "Bob"), 0.0),
        ("Ana Ruiz, IBM, 2024", "Ana Ruiz, IBM, 2024", ("Ana Ruiz", "IBM"), nan),
        ("12 34 56 78", "12 34 56 78", (), nan),
        ("so it is", "así es", (), nan),  # two words say nothing
        ("", "el gato está aquí", (), nan),
        ("王芳在北京工作", "王芳在北京工作", (), 1.0),
        ("यह एक किताब है", "यह एक किताब है", (), 1.0),
        ("هو في البيت", "هو في البيت", (), 1.0),
        ("แมวอยู่ที่นี่", "แมวอยู่ที่นี่", (), 1.0),
    ],
)
def test_copied(source: str, target: str, names: tuple[str, ...], expected: float) -> None:
    made = pair(source, target, "spa", *names)
    assert one(Copied(), made) == pytest.approx(expected, nan_ok=True)


def plain(side: Side) -> list[str]:
    words = side.words
    bounds = zip(words.start.tolist(), words.end.tolist(), words.plain.tolist(), strict=True)
    found = [side.cut(start, end).lower() for start, end, ok in bounds if ok]
    return [word for word in found if not word[0].isdecimal()]


@given(made=units())
@settings(max_examples=300, deadline=None)
def test_copied_is_what_counting_finds(made: Unit) -> None:
    batch = Batch.of([made])
    source, target = set(plain(batch.source)), plain(batch.target)
    expected = nan
    if len(target) >= LEAST and source:
        expected = sum(word in source for word in target) / len(target)
    assert Copied().score(batch)[0][0] == pytest.approx(expected, nan_ok=True)


def test_a_word_is_copied_from_its_own_row_only() -> None:
    rows = [pair("the cat is here", "one two three"), pair("one two three", "the cat is here")]
    assert Copied().score(Batch.of(rows * 700))[0].tolist() == [0.0] * 1400


@pytest.mark.parametrize(
    ("source", "target", "low", "high"),
    [
        ("The old man walked to town.", "The old man walked to town.", 1, 1),
        ("The old man walked to town today.", "The old man walked to town hoy.", 0.7, 0.9),
        ("The old man walked to town.", "El viejo fue a pie al pueblo.", nan, nan),
        ("the the cat and the dog", "the the cat and the dog dog dog dog", 0.6, 0.9),
    ],
)
def test_similarity(source: str, target: str, low: float, high: float) -> None:
    found = one(Copied(), pair(source, target), "similarity")
    assert isnan(found) if isnan(low) else low <= found <= high


@pytest.mark.parametrize(
    ("source", "target", "names", "expected"),
    [
        ("Good morning", "good morning!", (), 1.0),
        ("Good morning", "Buenos días", (), 0.0),
        ("Good morning", "morning good", (), 0.0),
        ("Good morning, Ana", "Good morning Ana", ("Ana",), 1.0),
        ("Ana Ruiz", "Ana Ruiz", ("Ana Ruiz",), nan),  # a name is right as it is
        ("12:30", "12:30", (), nan),
        ("?", "?", (), nan),
        ("", "", (), nan),
        ("你好", "你好。", (), 1.0),
        ("𠀀𠀁", "𠀁𠀀", (), 0.0),
        ("Да", "да", (), 1.0),
    ],
)
def test_identical(source: str, target: str, names: tuple[str, ...], expected: float) -> None:
    made = pair(source, target, "spa", *names)
    assert one(Identical(), made) == pytest.approx(expected, nan_ok=True)


def test_one_identical_text_is_enough() -> None:
    assert (
        one(Identical(), several(("Who sings?", "Ana sings."), ("Who sings?", "Ana canta."))) == 1
    )
    assert one(Identical(), several(("12", "Ana sings."), ("12", "Ana canta."))) == 0
    assert isnan(one(Identical(), several((), ())))
