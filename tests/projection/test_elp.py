"""The published heuristic, step by step, faults included (its files: benchmarks/projection.py)."""

from __future__ import annotations

import pytest

from tests.examples import LinkedWords, example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe.projection import Aligned
from xltpipe.projection.elp import longest_run, place, tags


def linked(*words: int) -> list[tuple[int, int]]:
    return [(0, word) for word in words]


ONE = [
    ([3], [3]),
    ([2, 4], [2, 3, 4]),  # three words in all
    ([2, 5], [2]),  # four are too many: the first of equal runs
    ([2, 3, 5], [2, 3]),  # a gap of one, but four words in all: the fault
    ([0, 4, 5], [4, 5]),
    ([0, 2, 4], [0, 1, 2]),  # after joining 0 and 2, 4 is too far
    ([1, 3, 9], [1, 2, 3]),
]


@pytest.mark.parametrize(("words", "expected"), ONE)
def test_runs_are_joined_by_their_total_width(words: list[int], expected: list[int]) -> None:
    target = [f"w{n}" for n in range(10)]
    assert place(["X"], [(0, 1)], linked(*words), target) == [expected]


def test_only_ascii_marks_are_left_out() -> None:
    assert place(["X"], [(0, 1)], linked(0, 1), ["--", "a"]) == [[1]]
    assert place(["X"], [(0, 1)], linked(0), ["!"]) == ["punctuation_only"]
    assert place(["X"], [(0, 1)], linked(0, 1), ["«", "a"]) == [[0, 1]]
    assert place(["X"], [(0, 1)], [], ["a"]) == ["no_alignment"]


def test_names_of_one_label_that_swap_places_are_joined() -> None:
    areas = [(0, 1), (2, 3)]
    found = place(["X", "X"], areas, [(0, 4), (2, 1)], list("abcde"))
    assert found == ["merged", [1, 4]]
    assert tags(["X", "X"], found, 5) == ["O", "B-X", "O", "O", "I-X"]


def test_of_two_labels_the_shorter_is_deleted_and_the_first_of_equals() -> None:
    areas = [(0, 1), (2, 3)]
    assert place(["X", "Y"], areas, [(0, 4), (2, 1)], list("abcde")) == ["overlap", [1]]
    links = [(0, 3), (0, 4), (2, 1)]
    assert place(["X", "Y"], areas, links, list("abcde")) == [[3, 4], "overlap"]


def test_joining_goes_before_deleting() -> None:
    # joined, spans 0 and 1 hold four words; one after the other, span 2 would have met them first
    areas = [(0, 1), (1, 2), (2, 3)]
    links = [(0, 6), (1, 4), (1, 5), (2, 4), (2, 3), (2, 5)]
    found = place(["X", "X", "Y"], areas, links, [f"w{n}" for n in range(8)])
    assert found == ["merged", "overlap", [3, 4, 5]]


def test_the_longest_run_stands_for_words_that_are_no_neighbours() -> None:
    assert longest_run([1, 4, 5]) == (4, 6)
    assert longest_run([1, 2, 4, 5]) == (1, 3)


def test_the_mode_elp_gives_its_outcomes_as_spans() -> None:
    source = example("Ana met Bob", ("Ana", "PER"), ("Bob", "PER"))
    tools = ToyTools(LinkedWords([(0, 4), (2, 1)]))
    (done,) = Aligned(mode="elp").build(tools).project([unit(source, "A Bob lo conoció Ana")])
    assert [p.reason for p in done.placements] == ["merged", None]
    assert [done.target.covered(s) for s in done.target.spans] == ["Bob"]
    (empty,) = Aligned(mode="elp").build(tools).project([unit(source, "")])
    assert {p.reason for p in empty.placements} == {"text_missing"}
