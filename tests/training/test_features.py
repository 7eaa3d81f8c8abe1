from __future__ import annotations

import pytest

from xltpipe.training.features import extract


@pytest.mark.parametrize(
    ("word", "shape", "casing"),
    [
        ("McDonald's", "XxXx'x", "mixed"),
        ("UNESCO", "X", "upper"),
        ("A", "X", "initial"),
        ("Nairobi", "Xx", "title"),
        ("ọjà", "x", "lower"),
        ("القاهرة", "o", "none"),
        ("मुंबई", "o", "none"),
        ("Yoru\u0300ba\u0301", "Xx", "title"),  # with combining accents,
        ("東京", "o", "none"),
        ("12.5", "d.d", "none"),
        ("🎉", "🎉", "none"),
    ],
)
def test_shape_and_casing(word: str, shape: str, casing: str) -> None:
    (row,) = extract([word])
    assert f"s {shape}" in row
    assert f"c {casing}" in row
    assert {f"w {word}", "start", "end"} <= set(row)


def test_affixes_do_not_exceed_the_word() -> None:
    (row,) = extract(["Ọyọ"])
    assert [f for f in row if f.startswith("p ")] == ["p ọ", "p ọy", "p ọyọ"]
    assert [f for f in row if f.startswith("x ")] == ["x ọ", "x yọ", "x ọyọ"]


def test_neighbours() -> None:
    first, middle, last = extract(["in", "Kano", "2021"])
    assert {"-1l in", "-1s x", "+1l 2021", "-s x Xx", "+s Xx d"} <= set(middle)
    assert not {"start", "end"} & set(middle)
    assert {"+2l 2021", "start x"} <= set(first)
    assert {"-2l in", "digits 4"} <= set(last)


def test_punctuation_and_empty() -> None:
    assert "punctuation" in extract(["،"])[0]
    assert extract([]) == []
