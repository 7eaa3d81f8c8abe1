"""Label schemes: tables of tags and spans, and what must hold for any of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xltpipe.errors import DataError
from xltpipe.schemes import Scheme, first_fault, is_tag, spans_from_tags, tags_from_spans
from xltpipe.types import Bounds, Span

SCHEMES: list[Scheme] = ["bio", "io", "iob1", "bilou", "bioes"]


def bounds_of(count: int) -> list[Bounds]:
    """Tokens of two characters between single spaces."""
    return [(3 * at, 3 * at + 2) for at in range(count)]


def chunks(tags: str, scheme: Scheme) -> tuple[list[tuple[int, int, str]], int]:
    """Tags as one string -> (first token, last token, label), repairs."""
    names = tags.split()
    spans, repairs = spans_from_tags(names, bounds_of(len(names)), scheme)
    return [(span.start // 3, span.end // 3, span.label) for span in spans], repairs


VALID: list[tuple[Scheme, str, list[tuple[int, int, str]]]] = [
    ("bio", "", []),
    ("bio", "O O O", []),
    ("bio", "B-PER I-PER O B-LOC", [(0, 1, "PER"), (3, 3, "LOC")]),
    ("bio", "B-PER B-PER I-PER", [(0, 0, "PER"), (1, 2, "PER")]),
    ("bio", "B-person-actor I-person-actor", [(0, 1, "person-actor")]),
    ("bio", "B-地名 I-地名", [(0, 1, "地名")]),
    ("io", "I-PER I-PER O I-PER I-LOC", [(0, 1, "PER"), (3, 3, "PER"), (4, 4, "LOC")]),
    ("iob1", "I-PER B-PER I-PER I-LOC", [(0, 0, "PER"), (1, 2, "PER"), (3, 3, "LOC")]),
    ("bilou", "B-PER I-PER L-PER U-LOC", [(0, 2, "PER"), (3, 3, "LOC")]),
    ("bilou", "U-LOC U-LOC O B-ORG L-ORG", [(0, 0, "LOC"), (1, 1, "LOC"), (3, 4, "ORG")]),
    ("bioes", "B-PER I-PER E-PER S-LOC", [(0, 2, "PER"), (3, 3, "LOC")]),
    ("bioes", "B-PER M-PER E-PER", [(0, 2, "PER")]),
]


@pytest.mark.parametrize(("scheme", "tags", "expected"), VALID)
def test_valid_tags_need_no_repair(
    scheme: Scheme, tags: str, expected: list[tuple[int, int, str]]
) -> None:
    assert chunks(tags, scheme) == (expected, 0)
    assert first_fault(tags.split(), scheme) is None


INVALID: list[tuple[Scheme, str, list[tuple[int, int, str]], int, int]] = [
    # scheme, tags, spans, repairs, first fault
    ("bio", "O I-PER I-PER", [(1, 2, "PER")], 1, 1),
    ("bio", "I-PER", [(0, 0, "PER")], 1, 0),
    ("bio", "B-PER I-LOC I-LOC", [(0, 0, "PER"), (1, 2, "LOC")], 1, 1),
    ("bio", "B-PER X-PER I-PER", [(0, 0, "PER"), (2, 2, "PER")], 2, 1),
    ("bio", "PER O", [], 1, 0),
    ("bio", "B- O", [], 1, 0),
    ("bio", "o", [], 1, 0),
    ("bio", "B-PER E-PER S-PER", [(0, 1, "PER"), (2, 2, "PER")], 2, 1),
    ("io", "I-PER B-PER", [(0, 0, "PER"), (1, 1, "PER")], 1, 1),
    ("iob1", "O B-PER I-PER", [(1, 2, "PER")], 1, 1),
    ("iob1", "I-LOC B-PER", [(0, 0, "LOC"), (1, 1, "PER")], 1, 1),
    ("bilou", "O L-PER O", [(1, 1, "PER")], 1, 1),
    ("bilou", "I-PER L-PER", [(0, 1, "PER")], 1, 0),
    ("bilou", "B-PER O", [(0, 0, "PER")], 1, 1),
    ("bilou", "B-PER I-PER", [(0, 1, "PER")], 1, 1),
    ("bilou", "B-PER U-PER", [(0, 0, "PER"), (1, 1, "PER")], 1, 1),
    ("bilou", "B-PER L-LOC", [(0, 0, "PER"), (1, 1, "LOC")], 1, 1),
    ("bilou", "B-PER I-LOC", [(0, 0, "PER"), (1, 1, "LOC")], 1, 1),
]


@pytest.mark.parametrize(("scheme", "tags", "expected", "repairs", "fault"), INVALID)
def test_invalid_tags_are_repaired_and_counted(
    scheme: Scheme, tags: str, expected: list[tuple[int, int, str]], repairs: int, fault: int
) -> None:
    assert chunks(tags, scheme) == (expected, repairs)
    found = first_fault(tags.split(), scheme)
    assert found is not None
    assert found[0] == fault


def test_strict_refuses_an_invalid_tag() -> None:
    with pytest.raises(
        DataError, match=r"scheme \"bio\", was: 'I-LOC' after 'B-PER', token 1 of its sentence"
    ):
        spans_from_tags(["B-PER", "I-LOC"], bounds_of(2), "bio", strict=True)
    with pytest.raises(DataError, match="was: 'I-LOC' after the start, token 0"):
        spans_from_tags(["I-LOC"], bounds_of(1), "bio", strict=True)


def test_tags_must_be_one_per_token() -> None:
    with pytest.raises(DataError, match="one per token, was: 1 for 2 tokens"):
        spans_from_tags(["O"], bounds_of(2), "bio")


WRITTEN: list[tuple[Scheme, list[Span], list[str], int]] = [
    # tokens: (0, 2) (3, 5) (6, 8) (9, 11)
    ("bio", [], ["O", "O", "O", "O"], 0),
    ("bio", [Span(0, 5, "A"), Span(6, 8, "A")], ["B-A", "I-A", "B-A", "O"], 0),
    ("io", [Span(0, 5, "A"), Span(9, 11, "A")], ["I-A", "I-A", "O", "I-A"], 0),
    ("io", [Span(0, 5, "A"), Span(6, 8, "A")], ["I-A", "I-A", "I-A", "O"], 1),  # merged
    ("iob1", [Span(0, 5, "A"), Span(6, 8, "A")], ["I-A", "I-A", "B-A", "O"], 0),
    ("iob1", [Span(0, 5, "A"), Span(6, 8, "B")], ["I-A", "I-A", "I-B", "O"], 0),
    ("bilou", [Span(0, 8, "A"), Span(9, 11, "B")], ["B-A", "I-A", "L-A", "U-B"], 0),
    ("bioes", [Span(0, 8, "A"), Span(9, 11, "B")], ["B-A", "I-A", "E-A", "S-B"], 0),
    ("bio", [Span(1, 4, "A")], ["B-A", "I-A", "O", "O"], 0),  # ends inside tokens: widened
    ("bio", [Span(2, 3, "A")], ["O", "O", "O", "O"], 1),  # on the space alone
    ("bio", [Span(3, 5, "B"), Span(0, 8, "A")], ["B-A", "I-A", "I-A", "O"], 1),  # nested
    ("bio", [Span(3, 8, "B"), Span(0, 5, "A")], ["B-A", "I-A", "O", "O"], 1),  # tie: the first
    ("bio", [Span(0, 2, "A"), Span(0, 2, "B")], ["B-A", "O", "O", "O"], 1),  # tie: as given
    ("bio", [Span(0, 2, "A", 1)], ["O", "O", "O", "O"], 1),  # of another text
]


@pytest.mark.parametrize(("scheme", "spans", "tags", "dropped"), WRITTEN)
def test_spans_are_written_as_tags(
    scheme: Scheme, spans: list[Span], tags: list[str], dropped: int
) -> None:
    assert tags_from_spans(spans, bounds_of(4), scheme) == (tags, dropped)


def test_no_tokens_drop_all_spans() -> None:
    assert tags_from_spans([Span(0, 1, "A")], [], "bio") == ([], 1)


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        *[(text, True) for text in ("O", "B-X", "U-a-b", "M-人")],
        *[(text, False) for text in ("", "-", "o", "B-", "X-PER", "PER", "NN", "B_PER")],
    ],
)
def test_is_tag(text: str, claim: bool) -> None:  # noqa: FBT001, pytest calls by name
    assert is_tag(text) is claim


@st.composite
def flat_spans(draw: st.DrawFn) -> tuple[int, list[Span]]:
    """A number of tokens and spans on whole tokens that do not overlap."""
    count = draw(st.integers(0, 12))
    cuts = sorted(draw(st.sets(st.integers(0, count))))
    spans = [
        Span(3 * first, 3 * last - 1, draw(st.sampled_from(["PER", "LOC", "a-b", "人"])))
        for first, last in pairwise(cuts)
        if draw(st.booleans())
    ]
    return count, spans


@given(flat_spans(), st.sampled_from(["bio", "iob1", "bilou", "bioes"]))
def test_flat_spans_come_back(drawn: tuple[int, list[Span]], scheme: Scheme) -> None:
    count, spans = drawn
    tags, dropped = tags_from_spans(spans, bounds_of(count), scheme)
    assert dropped == 0
    assert spans_from_tags(tags, bounds_of(count), scheme, strict=True) == (spans, 0)


any_span = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 40),
    st.integers(1, 15),
    st.sampled_from("AB"),
)


@given(st.lists(any_span, max_size=8), st.integers(0, 12), st.sampled_from(SCHEMES))
def test_reading_gives_the_spans_that_were_not_dropped(
    spans: list[Span], count: int, scheme: Scheme
) -> None:
    tags, dropped = tags_from_spans(spans, bounds_of(count), scheme)
    read, repairs = spans_from_tags(tags, bounds_of(count), scheme, strict=True)
    assert len(read) == len(spans) - dropped
    assert repairs == 0
    again, lost = tags_from_spans(read, bounds_of(count), scheme)
    assert (again, lost) == (tags, 0)


tag = st.sampled_from(["O", "B-A", "I-A", "L-A", "U-A", "B-B", "I-B", "E-B", "S-B", "?", "Z-A"])


@given(st.lists(tag, max_size=10), st.sampled_from(SCHEMES))
def test_a_repaired_sequence_is_valid_when_written_again(tags: list[str], scheme: Scheme) -> None:
    bounds = bounds_of(len(tags))
    spans, repairs = spans_from_tags(tags, bounds, scheme)
    assert repairs <= len(tags)
    assert (first_fault(tags, scheme) is None) == (repairs == 0)
    written, _ = tags_from_spans(spans, bounds, scheme)
    assert first_fault(written, scheme) is None
