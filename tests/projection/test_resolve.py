"""Linked words to stretches: modes, gaps, and conflicts decided together."""

from __future__ import annotations

import time
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltpipe.projection.resolve import Mode, Stretch, resolve, stretches

MODES: tuple[Mode, ...] = ("min_max", "gap", "longest_run")


def linked(*words: int, score: float = 1.0) -> dict[int, float]:
    return dict.fromkeys(words, score)


def never(count: int) -> list[list[bool]]:
    return [[False] * count for _ in range(count)]


def bounds(chosen: list[Stretch | None]) -> list[tuple[int, int] | None]:
    return [(s.start, s.end) if s else None for s in chosen]


FIRST_CHOICES = [
    # words, mode, gap, stretch
    ((3,), "min_max", 1, (3, 4)),
    ((5, 2), "min_max", 0, (2, 6)),
    ((2, 9), "min_max", 0, (2, 10)),
    ((2, 3, 5), "gap", 1, (2, 6)),
    ((2, 3, 6), "gap", 1, (2, 4)),  # two unlinked words between: too far
    ((2, 3, 6), "gap", 2, (2, 7)),
    ((0, 4, 5, 6), "gap", 1, (4, 7)),
    ((0, 2, 4, 8, 9), "gap", 1, (0, 5)),  # joined end to end
    ((1, 2, 5, 6), "gap", 1, (1, 3)),  # as long: the first
    ((2, 3, 5), "longest_run", 1, (2, 4)),
    ((0, 3, 4), "longest_run", 9, (3, 5)),
    ((7, 1), "longest_run", 0, (1, 2)),
]


@pytest.mark.parametrize(("words", "mode", "gap", "expected"), FIRST_CHOICES)
def test_the_mode_decides_without_conflict(
    words: tuple[int, ...], mode: Mode, gap: int, expected: tuple[int, int]
) -> None:
    assert bounds(resolve([linked(*words)], never(1), mode, gap)) == [expected]


def test_nothing_linked_gives_nothing() -> None:
    assert stretches({}, "min_max", 1) == []
    assert resolve([], [], "min_max", 1) == []
    assert resolve([{}, linked(1)], never(2), "gap", 1) == [None, Stretch(1, 2, 1.0)]


@pytest.mark.parametrize("mode", MODES)
def test_names_that_swap_places_do_not_conflict(mode: Mode) -> None:
    links = [linked(4, 5), linked(0, 1), linked(2)]
    assert bounds(resolve(links, never(3), mode, 1)) == [(4, 6), (0, 2), (2, 3)]


def test_a_stray_link_gives_way_to_its_neighbour() -> None:
    # span 0 means words 0-1; one stray link at 5 would swallow span 1
    links = [{0: 1.0, 1: 1.0, 5: 0.2}, linked(3)]
    assert bounds(resolve(links, never(2), "min_max", 1)) == [(0, 2), (3, 4)]


def test_a_shared_word_goes_to_the_stronger_link() -> None:
    links = [{0: 1.0, 1: 1.0, 2: 0.4}, {2: 0.9, 3: 1.0}]
    assert bounds(resolve(links, never(2), "min_max", 1)) == [(0, 2), (2, 4)]


def test_one_word_for_two_spans_is_given_once() -> None:
    assert sum(s is not None for s in resolve([linked(3)] * 2, never(2), "min_max", 1)) == 1
    links = [{3: 0.5}, {3: 0.9}]
    assert bounds(resolve(links, never(2), "min_max", 1)) == [None, (3, 4)]


def test_spans_that_nest_in_the_source_may_nest_in_the_target() -> None:
    links = [linked(0, 1, 2, 3), linked(2, 3), linked(3, 4)]
    may = never(3)
    may[0][1] = may[1][0] = True
    chosen = resolve(links, may, "min_max", 1)
    assert bounds(chosen)[:2] == [(0, 4), (2, 4)]
    assert chosen[2] in (None, Stretch(4, 5, 1.0))


def test_three_way_conflict_is_decided_together() -> None:
    # one after the other, span 0 would take 0-4 and leave nothing to the others
    links = [{0: 1.0, 4: 0.3}, linked(1, 2), linked(3, 4)]
    assert bounds(resolve(links, never(3), "min_max", 0)) == [(0, 1), (1, 3), (3, 5)]


@pytest.mark.parametrize("mode", ["gap", "longest_run"])
def test_who_gives_way_meets_no_third_span(mode: Mode) -> None:
    # span 0 loses 1-3 to span 1 and turns to 10-11, where span 2 stands already
    links = [{1: 0.5, 2: 0.5, 3: 0.5, 10: 0.2, 11: 0.2}, linked(1, 2, 3), linked(10)]
    chosen = bounds(resolve(links, never(3), mode, 0))
    assert chosen == [(11, 12), (1, 4), (10, 11)]


def test_a_huge_conflict_ends_quickly() -> None:
    count = 1500
    links = [{k: 1.0, k + 1: 0.9, (k * 7) % count: 0.5} for k in range(count)]
    started = time.perf_counter()
    chosen = resolve(links, never(count), "min_max", 1)
    assert time.perf_counter() - started < 20
    assert sum(s is not None for s in chosen) > count / 4
    ordered = sorted((s.start, s.end) for s in chosen if s)
    assert all(a[1] <= b[0] for a, b in pairwise(ordered))


link_maps = st.lists(
    st.dictionaries(st.integers(0, 12), st.sampled_from([0.1, 0.5, 0.5, 1.0]), max_size=5),
    max_size=6,
)


@settings(deadline=None)
@given(links=link_maps, mode=st.sampled_from(MODES), gap=st.integers(0, 3), data=st.data())
def test_chosen_stretches_are_linked_and_overlap_only_where_they_may(
    links: list[dict[int, float]], mode: Mode, gap: int, data: st.DataObject
) -> None:
    may = never(len(links))
    for k, m in combinations(range(len(links)), 2):
        may[k][m] = may[m][k] = data.draw(st.booleans())
    chosen = resolve(links, may, mode, gap)
    assert len(chosen) == len(links)
    for k, stretch in enumerate(chosen):
        if stretch is None:
            continue
        assert stretch.start in links[k]
        assert stretch.end - 1 in links[k]
        for m, other in enumerate(chosen[:k]):
            assert other is None or may[k][m] or not stretch.overlaps(other)
    for k, own in enumerate(links):  # a span is lost only to another one
        rivals = [s for m, s in enumerate(chosen) if m != k and s and not may[k][m]]
        assert chosen[k] or not own or any(s.start <= w < s.end for s in rivals for w in own)
