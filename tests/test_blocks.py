"""Blocks: rows cut by their content, so that a change stays where it is."""

from __future__ import annotations

import random

import pytest

from xltpipe.blocks import BY_CONTENT, blocks
from xltpipe.types import Example

MOST = 300


def rows(count: int, seed: int = 1) -> list[Example]:
    chance = random.Random(seed)
    return [Example(f"r{n}", "eng", (f"Row {chance.random()}",)) for n in range(count)]


def known(block: list[Example]) -> tuple[str, ...]:
    return tuple(example.texts[0] for example in block)


def cut(given: list[Example], most: int = MOST) -> list[tuple[str, ...]]:
    return [known(block) for block in blocks(given, most)]


@pytest.mark.parametrize("most", [1, 7, BY_CONTENT - 1, BY_CONTENT, 2000])
@pytest.mark.parametrize("count", [0, 1, 256, 5000])
def test_every_row_is_in_one_block_in_order(count: int, most: int) -> None:
    given = rows(count)
    made = list(blocks(given, most))
    assert [e for block in made for e in block] == given
    assert all(0 < len(block) <= most for block in made)


def test_small_blocks_are_cut_by_count() -> None:
    assert [len(block) for block in blocks(rows(1000), 100)] == [100] * 10


def test_blocks_are_half_full_at_least_and_two_thirds_on_average() -> None:
    sizes = [len(block) for block in blocks(rows(30_000), MOST)]
    assert min(sizes[:-1]) >= MOST // 2
    assert 0.6 < sum(sizes) / len(sizes) / MOST < 0.75
    assert sum(size == MOST for size in sizes) / len(sizes) < 0.15


def test_appended_rows_leave_all_blocks_but_the_last() -> None:
    given = rows(6000)
    before, after = cut(given), cut(given + rows(60, seed=2))
    assert after[: len(before) - 1] == before[:-1]


@pytest.mark.parametrize("at", [0, 1234, 5000])
@pytest.mark.parametrize("change", ["inserted", "removed", "rewritten"])
def test_a_change_in_the_middle_touches_few_blocks(at: int, change: str) -> None:
    given = rows(6000)
    new = [] if change == "removed" else rows(1, seed=3)
    changed = given[:at] + new + given[at + (change != "inserted") :]
    before, after = set(cut(given)), set(cut(changed))
    assert len(after - before) <= 4
    assert len(before) > 25


def test_text_that_is_no_unicode_can_be_cut() -> None:
    odd = [Example(f"r{n}", "eng", ("\ud800",)) for n in range(BY_CONTENT)]
    assert sum(len(block) for block in blocks(odd, BY_CONTENT)) == BY_CONTENT
