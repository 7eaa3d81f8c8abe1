"""Markers into a text and out again: spaces, nesting, look-alikes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.projection.texts import COLLISIONS, WORDS, labelled
from xltpipe.projection.markup import (
    LOOKALIKES,
    PAIRS,
    Style,
    bounds,
    free_pairs,
    normalise,
    unwrap,
    wrap,
)
from xltpipe.types import Example, Span

A, B, C = PAIRS["letters"][:3]
SQUARE = ("[", "]")

WRAPPED = [
    ("Ana sings", [(0, 3)], "[A] Ana [/A] sings"),
    ("in Rome.", [(3, 7)], "in [A] Rome [/A] ."),
    ("New York Times", [(0, 14), (0, 8)], "[A] [B] New York [/B] Times [/A]"),
    ("New York Times", [(0, 8), (4, 14)], "[A] New [B] York [/A] Times [/B]"),
    ("in Rome", [(3, 7), (3, 7)], "in [A] [B] Rome [/B] [/A]"),
    ("AnaBob", [(0, 3), (3, 6)], "[A] Ana [/A] [B] Bob [/B]"),
    ("王芳在北京", [(0, 2), (3, 5)], "[A] 王芳 [/A] 在 [B] 北京 [/B]"),
    ("no span", [], "no span"),
]


@pytest.mark.parametrize(("text", "spans", "expected"), WRAPPED)
def test_wrap(text: str, spans: list[tuple[int, int]], expected: str) -> None:
    made = [Span(a, b, "X") for a, b in spans]
    assert wrap(text, made, PAIRS["letters"][: len(made)]) == expected


UNWRAPPED = [
    # marked, text, what stands between [A] and [/A]
    ("[A] Ana [/A] canta", "Ana canta", "Ana"),
    ("vive en [A] Roma [/A].", "vive en Roma.", "Roma"),
    ("vive en [A] Roma [/A] .", "vive en Roma.", "Roma"),
    ("vive en[A]Roma[/A]hoy", "vive en Roma hoy", "Roma"),
    ("¿ [A] Ana [/A] ?", "¿Ana?", "Ana"),
    ("( [A] ONU [/A] )", "(ONU)", "ONU"),
    ("l' [A] ONU [/A] -Habitat", "l'ONU-Habitat", "ONU"),
    ("dice: [A] Ana [/A] - sí", "dice: Ana - sí", "Ana"),
    ("他住在 [A] 北京 [/A] 。", "他住在北京。", "北京"),
    ("他住在[A]北京[/A]附近", "他住在北京附近", "北京"),
    ("住在 [A] Roma [/A] 附近", "住在 Roma 附近", "Roma"),
    ("อยู่ที่ [A] กรุงเทพ [/A] มาก", "อยู่ที่กรุงเทพมาก", "กรุงเทพ"),
    ("[A] 서울 [/A] 에서", "서울 에서", "서울"),
    ("في [A] القاهرة [/A] ؟", "في القاهرة؟", "القاهرة"),
    ("  [A]   Ana   [/A]   canta  ", "Ana canta", "Ana"),
    ("a [A] [/A] b", "a b", None),
    ("[A] [/A]", "", None),
]


@pytest.mark.parametrize(("marked", "text", "inside"), UNWRAPPED)
def test_unwrap(marked: str, text: str, inside: str | None) -> None:
    plain = unwrap(marked, [A])
    assert plain.text == text
    found = bounds(text, plain.opened["[A]"][0], plain.closed["[/A]"][0])
    assert (None if found is None else text[slice(*found)]) == inside


def test_unwrap_says_where_each_marker_stood_however_often() -> None:
    plain = unwrap("[/A] x [A] y [A] z [B]", [A, B])
    assert plain.text == "x y z"
    assert (plain.opened, plain.closed) == ({"[A]": [1, 3], "[B]": [5]}, {"[/A]": [0]})


def test_markers_of_others_are_text() -> None:
    assert unwrap("[A] x [/A] [C]", [A, B]).text == "x [C]"
    assert unwrap(" as [A] it  is ", []).text == " as [A] it  is "


FREE = [
    ("Ana", "brackets", ("[", "]")),
    ("Ana [sic]", "brackets", ("{", "}")),
    ("only ]", "brackets", ("{", "}")),
    ("[{⟨⟩}]", "brackets", ("⟦", "⟧")),
    ("[{⟨⟦", "brackets", None),
    ("Ana [A]", "letters", ("[B]", "[/B]")),
    ("Ana [/A] [B]", "letters", ("[C]", "[/C]")),
    ("a <b> c", "xml", ("<a>", "</a>")),
    ("a </a> c", "xml", ("<b>", "</b>")),
]


@pytest.mark.parametrize(("text", "style", "first"), FREE)
def test_pairs_that_the_text_holds_are_not_free(
    text: str, style: Style, first: tuple[str, str] | None
) -> None:
    assert next(iter(free_pairs(text, style)), None) == first


NORMALISED = [
    ("【 北京 】", "Peking", "[ 北京 ]"),
    ("《北京》和［上海］", "Peking and Shanghai", "[北京]和[上海]"),
    ("[[ Ana ]]", "Ana", "[ Ana ]"),
    ("[ [ Ana ] ]", "Ana", "[ Ana ]"),
    ("[[[ Ana ]", "Ana", "[ Ana ]"),
    ("[ Ana ] [ Bob ]", "Ana Bob", "[ Ana ] [ Bob ]"),
    ("《战争与和平》的 [ 作者 ]", "《War》 by Ana", "《战争与和平》的 [ 作者 ]"),  # the text's own
]


@pytest.mark.parametrize(("marked", "source", "expected"), NORMALISED)
def test_normalise(marked: str, source: str, expected: str) -> None:
    assert normalise(marked, SQUARE, source) == expected


def test_look_alikes_stand_for_one_marker_only() -> None:
    every = "".join(LOOKALIKES.values())
    assert len(set(every)) == len(every)
    assert not set(every) & {m for pair in PAIRS["brackets"] for m in pair}


@pytest.mark.parametrize("style", ["letters", "xml"])
@settings(deadline=None)
@given(source=labelled(WORDS + COLLISIONS))
def test_wrap_and_unwrap_are_inverse_up_to_spaces(style: Style, source: Example) -> None:
    for number, text in enumerate(source.texts):
        spans = [s for s in source.spans if s.text == number]
        pairs = free_pairs(text, style)[: len(spans)]
        plain = unwrap(wrap(text, spans[: len(pairs)], pairs), pairs)
        assert "".join(plain.text.split()) == "".join(text.split())
        for span, (opening, closing) in zip(spans, pairs, strict=False):
            (start,), (end,) = plain.opened[opening], plain.closed[closing]
            inside = plain.text[start:end]
            assert "".join(inside.split()) == "".join(source.covered(span).split())
