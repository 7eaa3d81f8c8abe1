"""Numbers however they are written, and currencies."""

from __future__ import annotations

from collections import Counter
from math import nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.quality.text_units import fails, one, pair, scores, several
from xltpipe.quality.currency import Currency
from xltpipe.quality.numerals import Numbers

AGREE = [
    ("It costs 3.14 euros", "Cuesta 3,14 euros"),
    ("1,234,567 people", "1.234.567 personas"),
    ("1,234,567.89 people", "1 234 567,89 personas"),
    ("1,234 people", "1\u202f234 personnes"),
    ("1,234 people", "1'234 Leute"),
    ("12/05/2020", "2020-05-12"),
    ("12/05/2020", "05.12.2020"),
    ("at 12:30", "a las 12.30"),
    ("05 May", "5 de mayo"),
    ("In 2010 300 died", "En 2010 murieron 300"),
    ("He has 42 cats", "لديه ٤٢ قطة"),
    ("He has 42 cats", "उसके पास ४२ बिल्लियाँ हैं"),
    ("He has 42 cats", "他有４２只猫"),
    ("H1N1", "H1N1"),
    ("7 of 9", "De 9, 7"),
    ("99999999999999999999999 stars", "99.999.999.999.999.999.999.999 estrellas"),
]


@pytest.mark.parametrize(("source", "target"), AGREE)
def test_numbers_that_agree(source: str, target: str) -> None:
    assert scores(Numbers(), pair(source, target)) == {"numbers": [1.0], "other_numbers": [0.0]}


@pytest.mark.parametrize(
    ("source", "target", "agreement", "others"),
    [
        ("no number", "sin número", nan, nan),
        ("three cats", "3 gatos", 0, 0),  # written out
        ("17 cats", "diecisiete gatos", 0, 0),
        ("17 cats", "71 gatos", 0, 1),
        ("17 cats and 3 dogs", "71 gatos y 3 perros", 1 / 3, 1 / 2),
        ("17 cats and 3 dogs", "17 gatos", 1 / 2, 0),
        ("5 and 5", "5", 1 / 2, 0),
        ("1,234 cats", "1,235 gatos", 0, 1),
        ("12 345 6", "12 346 6", 1 / 3, 1 / 2),
        ("at 3 p.m.", "a las 15 horas", 0, 0),
        ("at 15:30", "a las 3:30", 1 / 3, 0),
        ("the 1980s", "los años 80", 0, 0),
        ("230,000 people", "23万人", 0, 0),
        ("25,000 books", "2.5万本书", 0, 0),
        ("1.2 million people", "1.200.000 Menschen", 0, 0),
        ("1.2 million people", "1.300.000 Menschen", 0, 1 / 2),
        ("25,000 books", "2.6万本书", 0, 1 / 2),
        ("2 or 5 books", "25 libros", 0, 1 / 2),
        ("10 miles away", "a 16 km", 0, nan),
        ("about 100 degrees", "unos 38 grados", 0, nan),
        ("10 miles and 5 cats", "a 16 km", 0, nan),
    ],
)
def test_numbers(source: str, target: str, agreement: float, others: float) -> None:
    found = scores(Numbers(), pair(source, target))
    assert found["numbers"] == pytest.approx([agreement], nan_ok=True)
    assert found["other_numbers"] == pytest.approx([others], nan_ok=True)


def test_languages_that_count_in_ten_thousands() -> None:
    assert one(Numbers(), pair("3.5 million", "350万人", "zho"), "other_numbers") == 0
    assert one(Numbers(), pair("$1.5 billion", "15億ドル", "jpn"), "other_numbers") == 0
    assert one(Numbers(), pair("$1.5 billion", "16億ドル", "jpn"), "other_numbers") == 1 / 2
    assert one(Numbers(), pair("1.5 kg", "15 kg", "spa"), "other_numbers") == 1 / 2


def test_days_that_begin_at_sunrise() -> None:
    assert one(Numbers(), pair("at 9 a.m.", "saa 3 asubuhi", "swa"), "other_numbers") == 0
    assert one(Numbers(), pair("at 9 a.m.", "a las 3", "spa"), "other_numbers") == 1


def test_numbers_of_several_texts_are_one_row() -> None:
    made = several(("12", "345 and 6"), ("12 345", "y 6"))
    assert one(Numbers(), made) == pytest.approx(1 / 4)  # a number ends with its text: 12, 345, 6
    assert fails(Numbers(), pair("In 1990", "En 1991")) == {"numbers", "other_numbers"}


numbers = st.lists(st.integers(0, 10**30) | st.integers(0, 20), max_size=8)


@given(source=numbers, target=numbers, style=st.sampled_from(["{}", "{:,}", "0{}"]))
@settings(max_examples=200, deadline=None)
def test_agreement_is_what_counting_finds(source: list[int], target: list[int], style: str) -> None:
    made = pair("; ".join(map(str, source)), " – ".join(map(style.format, target)))
    ours, theirs = Counter(source), Counter(target)
    either = (ours | theirs).total()
    expected = (ours & theirs).total() / either if either else nan
    assert one(Numbers(), made) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("It costs $5.", "Cuesta 5 $.", 1),
        ("It costs $5.", "Cuesta 5 €.", 0),
        ("It costs $5.", "Cuesta 5 dólares.", nan),
        ("It costs USD 5.", "Cuesta 5 $.", 1),
        ("It costs $5 or €4.", "Cuesta 5 $ o 4 £.", 1 / 3),
        ("¥500", "500 JPY", 1),
        ("₹500", "५०० EUR", 0),
        ("$5", "５＄", 1),
        ("Try 5", "EUROPA 5", nan),
    ],
)
def test_currency(source: str, target: str, expected: float) -> None:
    assert one(Currency(), pair(source, target)) == pytest.approx(expected, nan_ok=True)
