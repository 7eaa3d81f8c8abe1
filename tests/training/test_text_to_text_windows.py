from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from xltpipe.training.text_to_text_windows import frames, owners

SIZES = st.lists(st.integers(1, 6), max_size=30)


@given(SIZES, st.integers(1, 9), st.integers(6, 12))
def test_frames_hold_every_word_and_overlap(sizes: list[int], overlap: int, more: int) -> None:
    length = overlap + more
    ranges = frames(sizes, length, overlap)
    assert sorted({word for words in ranges for word in words}) == list(range(len(sizes)))
    for words in ranges:
        assert sum(sizes[words.start : words.stop]) <= length
    for a, b in pairwise(ranges):
        assert a.start < b.start <= a.stop < b.stop
        assert sum(sizes[b.start : a.stop]) <= overlap
    for word, window in enumerate(owners(ranges, len(sizes))):
        assert word in ranges[window]


def test_a_word_belongs_where_most_of_its_context_is() -> None:
    ranges = frames([1] * 10, 6, 3)
    assert ranges == [range(6), range(3, 9), range(6, 10)]
    assert owners(ranges, 10) == [0, 0, 0, 0, 0, 1, 1, 1, 2, 2]
