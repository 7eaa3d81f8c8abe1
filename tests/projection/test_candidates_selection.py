"""One candidate per span: the best sum, checked against trying everything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xltpipe.projection import candidates_selection as module
from xltpipe.projection.candidates_selection import Option, contested, rank_of, select


def option(start: int, end: int, score: float, closeness: float = 0.0) -> Option:
    return Option(start, end, score, rank_of((score, score, closeness)))


def apart(spans: int) -> list[list[bool]]:
    return [[a == b for b in range(spans)] for a in range(spans)]


def brute(options: Sequence[Sequence[Option]]) -> int:
    best = 0
    for choice in product(*[[*one, None] for one in options]):
        taken = [o for o in choice if o is not None]
        if not any(a.overlaps(b) for n, a in enumerate(taken) for b in taken[:n]):
            best = max(best, sum(o.rank for o in taken))
    return best


OPTIONS = st.builds(
    lambda start, size, score: option(start, start + size, score),
    st.integers(0, 6),
    st.integers(1, 3),
    st.sampled_from([0.1, 0.25, 0.5, 0.75, 1.0]),
)


@given(st.lists(st.lists(OPTIONS, max_size=4), max_size=4))
def test_the_sum_is_that_of_trying_everything(options: list[list[Option]]) -> None:
    chosen, cut = select(options, apart(len(options)))
    taken = [o for o in chosen if o is not None]
    assert not any(a.overlaps(b) for n, a in enumerate(taken) for b in taken[:n])
    assert sum(o.rank for o in taken) == brute(options)
    assert cut == 0
    if not contested(options, apart(len(options))):
        assert chosen == [max(one, key=lambda o: o.rank) if one else None for one in options] or (
            len({o.rank for one in options for o in one}) < sum(map(len, options))
        )


def test_the_best_for_one_may_give_way_to_the_best_for_all() -> None:
    first = [option(0, 2, 0.9), option(2, 3, 0.6)]
    second = [option(0, 2, 0.8)]
    chosen, _ = select([first, second], apart(2))
    assert chosen == [first[1], second[0]]
    nested, _ = select([first, second], [[True, True], [True, True]])
    assert nested == [first[0], second[0]]


def test_equal_scores_go_by_closeness() -> None:
    one = [option(0, 1, 0.7, 0.2), option(4, 5, 0.7, 0.9)]
    other = [option(0, 1, 0.7, 0.9), option(4, 5, 0.7, 0.2)]
    chosen, _ = select([one, other], apart(2))
    assert [o and o.start for o in chosen] == [4, 0]


def test_a_search_that_is_cut_is_counted_and_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STEPS", 10)
    options = [[option(n, n + 1, 1.0 - n / 100) for n in range(12)] for _ in range(8)]
    chosen, cut = select(options, apart(8))
    assert cut == 1
    starts = [o.start for o in chosen if o is not None]
    assert len(starts) == len(set(starts)) == 8


def test_nothing_gives_nothing() -> None:
    assert select([], []) == ([], 0)
    assert select([[], []], apart(2)) == ([None, None], 0)
