"""Lengths in words and columns."""

from __future__ import annotations

from math import isnan
from unicodedata import category, east_asian_width

import pytest
from hypothesis import given, settings

from tests.quality.text_units import fails, one, pair, several, units
from xltpipe.errors import DataError
from xltpipe.quality.batch import Batch
from xltpipe.quality.lengths import FEW, Longest, Ratios, TargetWords, Wordless
from xltpipe.types import Example, Span, Unit


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("Ana sings.", "Ana canta.", 2),
        ("Ana sings.", "", 0),
        ("Ana sings.", " . ", 0),
        ("?!", "?!", 2),
        ("👍", "👍", 1),
        ("...", "", 0),
        ("", "algo", 0),
        (" \n", "algo", 0),
        ("I eat rice", "我吃米饭", 4),
        ("He left", "غادر", 1),
        ("She eats bread.", "वह रोटी खाती है।", 4),
        ("He left", "เขาไป", 5),
        ("It's a well-known fact.", "É um facto bem-conhecido.", 5),  # joiners end a word
    ],
)
def test_target_words(source: str, target: str, expected: int) -> None:
    assert one(TargetWords(), pair(source, target)) == expected


def test_target_words_of_two_texts_are_those_of_the_shorter() -> None:
    asked = ("Who sings?", "Ana sings.")
    assert one(TargetWords(), several(asked, ("¿Quién canta?", ""))) == 0
    assert one(TargetWords(), several(asked, ("¿Quién?", "Ana canta."))) == 1
    assert one(TargetWords(), several(("Who sings?", ""), ("¿Quién canta?", ""))) == 2
    assert one(TargetWords(), several((), ())) == 0


def test_texts_must_come_in_pairs() -> None:
    odd = Unit(Example("seven", "eng", ("a", "b")), Example("seven", "spa", ("a",)))
    with pytest.raises(DataError, match=r"as many texts as its source, was: 1 for 2 in .*'seven'"):
        TargetWords().score(Batch.of([pair("a", "b"), odd]))


RATIOS = [
    # source, target, within the default limits
    ("Where does Fatima live?", "¿Dónde vive Fátima?", True),
    ("OK", "De acuerdo", True),
    ("Thank you very much for your help.", "非常感谢你的帮助。", True),
    ("She works for the government in Delhi.", "वह दिल्ली में सरकार के लिए काम करती है।", True),
    ("He lives in Cairo with his family.", "يعيش في القاهرة مع عائلته.", True),
    ("The meeting was postponed until Monday.", "会议推迟到周一。", True),
    ("He will come back tomorrow morning.", "내일 아침에 돌아올 거예요.", True),
    ("He will come back tomorrow morning.", "เขาจะกลับมาพรุ่งนี้เช้า", True),
    ("Goodbye!", "¡Hasta la vista!", True),
    ("The meeting was postponed until Monday because of rain.", "Lunes.", False),
    ("She sings.", "Ella canta y canta y canta y canta y canta y canta y canta.", False),
    ("The meeting was postponed until Monday because of rain.", "", False),
]


@pytest.mark.parametrize(("source", "target", "holds"), RATIOS)
def test_length_ratio(source: str, target: str, *, holds: bool) -> None:
    assert ("length_ratio" not in fails(Ratios(), pair(source, target))) == holds


@pytest.mark.parametrize(("source", "target", "holds"), RATIOS)
def test_word_ratio(source: str, target: str, *, holds: bool) -> None:
    assert ("word_ratio" not in fails(Ratios(), pair(source, target))) == holds


def test_length_ratio_counts_columns() -> None:
    assert one(Ratios(), pair("abcd", "北京")) == 1
    assert one(Ratios(), pair("cafe", "cafe\u0301")) == 1
    assert one(Ratios(), pair("x" * 12, "x" * 32)) == 2
    assert isnan(one(Ratios(), pair(" ", "x")))
    assert isnan(one(Ratios(), several((), ())))


@pytest.mark.parametrize(
    ("source", "target", "failing"),
    [
        ("He states:", "Anasema kwamba hali ni mbaya sana huko mjini:", {"character_ratio"}),
        ("RIP.", "Lala pema.", set()),  # both are short
        ("北京", "北京市是一座城市", {"character_ratio"}),
        ("Good morning to you all", "Habari za asubuhi", set()),
        ("A long sentence about the weather in town.", "Ndiyo.", {"character_ratio", "word_ratio"}),
    ],
)
def test_character_ratio_forgives_only_the_shortest(
    source: str, target: str, failing: set[str]
) -> None:
    assert fails(Ratios(), pair(source, target)) - {"length_ratio"} == failing


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (pair("1", "1"), 1),
        (pair("12/05/2020 …", "12.05.2020"), 1),
        (pair("1st", "1."), 0),
        (pair("5", "५ किलो"), 0),
        (pair("北", "1"), 0),
        (several(("1", "Who?"), ("1", "¿Quién?")), 0),
        (Unit(Example("1", "eng", ("7",), (), "none"), Example("1", "spa", ("7",), (), "none")), 0),
        (Unit(Example("1", "eng", ("7",), (Span(0, 1, "N"),)), Example("1", "spa", ("7",))), 0),
    ],
)
def test_rows_without_a_letter_say_nothing_unless_they_are_labelled(
    made: Unit, expected: float
) -> None:
    assert one(Wordless(), made) == expected


def test_word_ratio_counts_words() -> None:
    assert one(Ratios(), pair("a b c d", "x"), "word_ratio") == 0.5
    assert one(Ratios(), several(("a b", "c d"), ("v w x", "y")), "word_ratio") == 1
    assert one(Ratios(), pair("a b", "我们在这里"), "word_ratio") == (5 / 2 + 2) / 4
    assert one(Ratios(), pair("a b", "กขคง"), "word_ratio") == (4 / 4 + 2) / 4
    assert isnan(one(Ratios(), pair("?!", "¿?"), "word_ratio"))


def test_longest() -> None:
    made = pair("a b c d e", "el ferrocarrilero-mayor y yo")
    assert one(Longest(), made, "longest_word") == len("ferrocarrilero")
    assert one(Longest(), made, "longest_text") == 5
    assert one(Longest(), several(("a", "b c d"), ("a b", "c")), "longest_text") == 3
    assert one(Longest(), pair("", ""), "longest_word") == 0
    assert fails(Longest(), pair("x", "a" * 40)) == {"longest_word"}
    assert fails(Longest(), pair("x", "a" * 39 + " 我们在这里等你" * 9)) == set()
    assert fails(Longest(), pair("a " * 101, "b")) == {"longest_text"}


@given(made=units())
@settings(max_examples=150, deadline=None)
def test_columns_agree_with_counting(made: Unit) -> None:
    def columns(example: Example) -> int:
        return sum(
            0 if category(c) in {"Mn", "Me", "Cf"} else 2 if east_asian_width(c) in "WF" else 1
            for text in example.texts
            for c in text
        )

    expected = (columns(made.target) + FEW) / (columns(made.source) + FEW)
    found = one(Ratios(), made)
    if any(text.strip() for text in made.source.texts):
        assert found == expected
    else:
        assert isnan(found)


@given(made=units())
@settings(max_examples=100, deadline=None)
def test_no_words_is_no_words_however_counted(made: Unit) -> None:
    def words(text: str) -> bool:
        return any(category(c)[0] in "LMN" for c in text)

    paired = zip(made.source.texts, made.target.texts, strict=True)
    empty = [not words(target) for source, target in paired if words(source)]
    if any(empty):
        assert one(TargetWords(), made) == 0
    elif len(empty) == len(made.source.texts) > 0:
        assert one(TargetWords(), made) > 0
