"""Scripts, alphabets and characters that are no text."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from unicodedata import category

import pytest
from hypothesis import given, settings

from tests.quality.text_units import fails, one, pair, several, units
from xltpipe.quality.writing import Writing
from xltpipe.types import Unit


@pytest.mark.parametrize(
    ("lang", "target", "names", "expected"),
    [
        ("spa", "El gobierno anunció medidas.", (), 1),
        ("spa", "Правительство объявило новые меры.", (), 0),
        ("rus", "Правительство объявило новые меры.", (), 1),
        ("rus", "Он работает в IBM", (), 3 / 4),
        ("rus", "Он работает в IBM", ("IBM",), 1),
        ("zho", "NASUWT是什么？", (), 3 / 4),
        ("zho", "政府昨天宣布了新措施。", (), 1),
        ("zho_Hant", "政府昨天宣布了新措施。", (), 1),
        ("jpn", "東京へ行きましたか。", (), 1),
        ("kor", "내일 아침에 돌아올 거예요.", (), 1),
        ("arb", "أعلنت الحكومة أمس", (), 1),
        ("arb", "The government announced", (), 0),
        ("hin", "सरकार ने कल घोषणा की।", (), 1),
        ("tha", "เขาอยู่ที่นี่", (), 1),
        ("srp", "Влада је јуче најавила", (), 1),
        ("srp", "Vlada je juče najavila", (), 1),  # both are written
        ("srp_Latn", "Влада је јуче најавила", (), 0),
        ("rus", "OK, IBM", (), nan),
        ("rus", "12 34 56 ??", (), nan),
        ("rus", "", (), nan),
    ],
)
def test_target_script(lang: str, target: str, names: tuple[str, ...], expected: float) -> None:
    found = one(Writing(), pair("x", target, lang, *names), "target_script")
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("a", "a", 0),
        ("a", "a\tb\n", 0),
        ("a", "a\u200db \u00adc \ufeffd", 0),
        ("a", "a\x00b\x07c", 2),
        ("a\x07", "a\x07b\x07", 1),
        ("a", "\u0093Hola\u0094", 2),  # Windows-1252 read as Latin-1
        ("a", "\ue000 \U000f0001", 2),
        ("a", "👍🏽 👩‍👩‍👧", 0),
    ],
)
def test_control_characters(source: str, target: str, expected: int) -> None:
    assert one(Writing(), pair(source, target), "control_characters") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", 1),
        ("ab 12", 1 / 2),
        ("- - -", 0),
        ("यह है।", 4 / 5),
        ("我们。", 2 / 3),
        ("👍", 0),
        (" \n", nan),
        ("", nan),
    ],
)
def test_alphabets(text: str, expected: float) -> None:
    found = one(Writing(), pair("x", text), "target_alphabet")
    assert found == pytest.approx(expected, nan_ok=True)
    assert one(Writing(), pair(text, "x"), "source_alphabet") == pytest.approx(found, nan_ok=True)


def test_links_are_in_no_script() -> None:
    made = pair("See https://a.org/b now, please", "انظر الآن من فضلك https://a.org/b/c/d/e", "arb")
    assert one(Writing(), made, "target_script") == 1


def test_alphabet_of_several_texts() -> None:
    assert one(Writing(), several(("ab", "12"), ("ab", "12 34")), "target_alphabet") == 4 / 6
    assert fails(Writing(), pair("12 - 34", "12 - 34")) == {"source_alphabet"}
    assert fails(Writing(), pair("12 - 34", "12 - 34", "spa", "12", "- 34")) == set()


@pytest.mark.parametrize(
    ("source", "target", "share"),
    [
        ("0", "0", 1),
        ("12 May 2020", "12/05/2020", 6 / 10),
        ("500 yen", "¥500", 3 / 4),
        ("five", "5 - 5", 0),
    ],
)
def test_digits_for_digits(source: str, target: str, share: float) -> None:
    assert one(Writing(), pair(source, target), "target_alphabet") == pytest.approx(share)


@given(made=units())
@settings(max_examples=100, deadline=None)
def test_alphabet_is_what_counting_finds(made: Unit) -> None:
    text = "".join(c for t in made.target.texts for c in t if not c.isspace())
    # a zero-width joiner and marks without a letter are as good as letters
    letters = sum(category(c)[0] in "LM" for c in text)
    letters += min(
        sum(c.isdecimal() for t in e.texts for c in t) for e in (made.source, made.target)
    )
    found = one(Writing(), replace(made, target=replace(made.target, spans=())), "target_alphabet")
    assert isnan(found) if not text else found == pytest.approx(letters / len(text))
