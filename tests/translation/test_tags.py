"""Tags in a text: written, read back, and never mistaken for the text's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xltpipe.translation.tags import Tagged, read, taggable, write


@st.composite
def tagged(draw: st.DrawFn) -> Tagged:
    text = draw(st.text(st.sampled_from("ab é👩\u0301ليلى[</\\"), min_size=1, max_size=12))
    pieces = set()
    for id in draw(st.lists(st.integers(0, 3), max_size=4, unique=True)):
        start = draw(st.integers(0, len(text) - 1))
        pieces.add((start, draw(st.integers(start + 1, len(text))), id))
    return Tagged(text, tuple(sorted(pieces)))


@given(tagged())
def test_what_is_written_is_read_however_pieces_overlap(one: Tagged) -> None:
    assert read(write(one.text, one.pieces)) == one


def test_one_id_may_have_several_pieces() -> None:
    pieces = ((0, 2, 7), (3, 5, 1), (6, 8, 7))
    assert read(write("aa bb cc", pieces)) == Tagged("aa bb cc", pieces)


@given(st.text(st.sampled_from("\ufdd0\ufdd1\ufdd20a"), max_size=8))
def test_tags_that_do_not_pair_up_are_text(text: str) -> None:
    found = read(text)
    if not found.pieces and found.text != text:
        assert len(found.text) < len(text)
    assert taggable(text) == (not set(text) & set("\ufdd0\ufdd1\ufdd2"))


def test_a_tag_opened_twice_or_never_closed_is_text() -> None:
    opening = write("a", [(0, 1, 0)]).partition("a")[0]
    for text in (opening, f"{opening}a{opening}b", f"a{opening}"):
        assert read(text) == Tagged(text)
        assert not taggable(text)
