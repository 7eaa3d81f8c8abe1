"""Scoring and judging whole tables: order, faults of single rows, reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isnan

import numpy as np
import pyarrow as pa
import pytest

from tests.examples import SCRIPTS, example, unit
from xltpipe import progress, tables
from xltpipe.errors import DataError, TransientError
from xltpipe.quality import REASONS, SCORERS, Rules
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.stage import ROWS, OnError, judge, score


class Size:
    """The number of characters of the target; falls over where a text holds the poison."""

    columns = (
        Column("size", "short", "characters", "Size.", "test"),
        Column("twice", "odd", "characters", "Twice the size.", "test"),
    )

    def __init__(self, poison: str = "☠", fault: type[Exception] = ValueError) -> None:
        self.poison, self.fault = poison, fault
        self.asked = 0

    def score(self, batch: Batch) -> list[Floats]:
        self.asked += 1
        if any(self.poison in text for text in batch.target.strings):
            raise self.fault("the scorer fell over")
        sizes = batch.target.per_row(batch.target.end - batch.target.start).astype(np.float64)
        return [sizes, 2 * sizes]


class Limited:
    """Rules over the two columns of `Size`."""

    def failures(self, scores: Mapping[str, Floats]) -> dict[str, Mask]:
        limits = Limits(min=3)
        return {name: limits.fails(scores[name]) for name in ("twice", "size")}


NAMES = {"size": "short", "twice": "odd"}


def table_of(*texts: str) -> pa.Table:
    rows = [unit(example("Ana runs.", id=str(i)), text) for i, text in enumerate(texts)]
    return tables.units_to_table(rows)


def test_every_row_gets_its_score_and_all_reasons_in_order() -> None:
    table = table_of("a", "ab", "abc")
    found = score(table, [Size()])
    assert found.columns["size"].tolist() == [1, 2, 3]
    assert found.errors == [None, None, None]
    done = judge(table, found.columns, Limited(), NAMES)
    assert done.column("reasons").to_pylist() == [["odd", "short"], ["short"], []]
    assert done.column("reason").to_pylist() == ["odd", "short", None]
    assert done.schema == tables.scored(["size", "twice"])
    assert [u.reasons for u in tables.table_to_units(done)] == [("odd", "short"), ("short",), ()]


def test_a_row_that_a_scorer_fails_on_is_named_and_fails_the_shard() -> None:
    with pytest.raises(DataError, match=r"fell over, at row '2'; set on_error = \"quarantine\""):
        score(table_of("a", "b", "☠", "c"), [Size()])


def test_quarantine_takes_that_row_alone() -> None:
    table = table_of(*["ab"] * 5, "☠", *["abcd"] * (ROWS + 3))
    found = score(table, [Size()], "quarantine")
    assert [i for i, error in enumerate(found.errors) if error] == [5]
    assert found.errors[5] == "score: ValueError: the scorer fell over"
    assert isnan(found.columns["size"][5])
    assert found.columns["size"][6] == 4
    assert found.split > 0
    errors = found.table(table.column("id")).column("error")
    done = judge(table, found.columns, Limited(), NAMES, errors)
    assert done.column("error").null_count == table.num_rows - 1
    assert done.column("reasons")[5].as_py() == []
    assert done.column("reason").null_count == ROWS + 4


def test_a_row_already_in_error_is_not_scored() -> None:
    units = [unit(SCRIPTS[0], "abc"), replace(unit(SCRIPTS[0], "☠"), error="translate: boom")]
    table = tables.units_to_table(units)
    found = score(table, [Size()])
    assert found.columns["size"][0] == 3
    assert isnan(found.columns["size"][1])
    done = judge(table, found.columns, Limited(), NAMES)
    assert done.column("error").to_pylist() == [None, "translate: boom"]
    assert done.column("reasons").to_pylist() == [[], []]


def test_a_fault_of_a_service_is_no_fault_of_a_row() -> None:
    scorer = Size(fault=TransientError)
    with pytest.raises(TransientError):
        score(table_of("a", "☠"), [scorer], "quarantine")
    assert scorer.asked == 1


@pytest.mark.parametrize("on_error", ["fail", "quarantine"])
def test_too_little_memory_is_no_fault_of_a_row(on_error: OnError) -> None:
    with pytest.raises(TransientError, match="Machine must have enough memory"):
        score(table_of("a", "☠"), [Size(fault=MemoryError)], on_error)


def test_a_scorer_that_loses_a_row_is_caught() -> None:
    class Short(Size):
        def score(self, batch: Batch) -> list[Floats]:
            return [column[1:] for column in super().score(batch)]

    with pytest.raises(DataError, match=r"Scorer of size must give one result per input, was: 0"):
        score(table_of("a", "b"), [Short()])


def test_no_rows_and_no_scorers() -> None:
    empty = table_of()
    assert score(empty, SCORERS).errors == []
    done = judge(empty, score(empty, SCORERS).columns, Rules(), REASONS)
    assert done.num_rows == 0
    bare = judge(table_of("a"), score(table_of("a"), []).columns, Rules(), REASONS)
    assert bare.column("reasons").to_pylist() == [[]]


def test_a_stop_ends_scoring_at_its_next_tick() -> None:
    progress.stop()
    try:
        with pytest.raises(progress.Stopped):
            score(table_of("a"), [Size()])
    finally:
        progress.resume()
