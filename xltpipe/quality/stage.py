"""The stages score and judge: every score once, then thresholds; rows in, as many rows out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xltpipe import carried, progress, tables
from xltpipe.errors import DataError, TransientError, XltError
from xltpipe.machine import lack, told
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.scorer import Scorer
from xltpipe.tables import scores_column
from xltpipe.types import one_each

SCORE = 2
JUDGE = 3
"""Versions: raise by one when what a stage computes changes its meaning."""

ROWS = 2048
"""Rows scored at once: their columns fit a core's cache (docs/findings.md)."""

OnError = Literal["fail", "quarantine"]


@dataclass
class Scores:
    """One array per column, one error (or None) per row; `split` counts batches cut for a fault."""

    columns: dict[str, Floats]
    errors: list[str | None]
    split: int = 0

    def table(self, ids: pa.ChunkedArray) -> pa.Table:
        """As stored: the rows' ids, their errors, and the struct column `scores`."""
        return pa.table(
            {
                "id": ids,
                "error": pa.array(self.errors, pa.string()),
                "scores": scores_column(self.columns, len(self.errors)),
            }
        )


def score(units: pa.Table, scorers: Sequence[Scorer], on_error: OnError = "fail") -> Scores:
    """All scores of these units; a unit in error is not scored (NaN), nor is a verbatim text.

    Raises:
        DataError: a scorer fails on a row, which is named, and `on_error` is "fail".
    """
    names = [column.name for scorer in scorers for column in scorer.columns]
    done = _Scoring(scorers, on_error)
    found: list[list[Floats]] = []
    good = pc.is_null(units.column("error"))
    sound = units.filter(good)
    for start in range(0, sound.num_rows, ROWS):
        piece = sound.slice(start, ROWS)
        found.append(done.block(_translated(piece)))
        progress.tick("score", piece.num_rows)
    progress.tick("score", units.num_rows - sound.num_rows)
    places = np.flatnonzero(good.to_numpy(zero_copy_only=False))
    columns = {}
    for number, name in enumerate(names):
        column = np.full(units.num_rows, np.nan)
        if found:
            column[places] = np.concatenate([block[number] for block in found])
        columns[name] = column
    errors: list[str | None] = [None] * units.num_rows
    for place, error in zip(places.tolist(), done.errors, strict=True):
        errors[place] = error
    return Scores(columns, errors, done.split)


def _translated(piece: pa.Table) -> pa.Table:
    """The units without the texts that were not to be translated."""
    source = piece.column("source").combine_chunks()
    if source.type.get_field_index("verbatim") < 0:
        return piece
    if not pc.sum(pc.list_value_length(source.field("verbatim"))).as_py():
        return piece
    return tables.units_to_table([carried.translated(u) for u in tables.table_to_units(piece)])


@dataclass
class _Scoring:
    scorers: Sequence[Scorer]
    on_error: OnError
    errors: list[str | None] = field(default_factory=list)
    split: int = 0

    def block(self, piece: pa.Table) -> list[Floats]:
        """The columns of these rows; on a fault halved until the row that causes it stands alone.

        Our own errors but DataError tell that the recipe or a service is wrong, not one row.

        Raises:
            TransientError: the machine lacks memory, space, files.
        """
        try:
            found = self._columns(Batch(piece))
        except XltError as error:
            if not isinstance(error, DataError) or lack(error):
                raise
            return self._halves(piece, error)
        except Exception as error:
            if what := lack(error):
                raise TransientError(told(error, what)) from error
            return self._halves(piece, error)
        self.errors += [None] * piece.num_rows
        return found

    def _columns(self, batch: Batch) -> list[Floats]:
        found: list[Floats] = []
        for scorer in self.scorers:
            columns = scorer.score(batch)
            one_each("Scorer", len(scorer.columns), columns)
            for column, values in zip(scorer.columns, columns, strict=True):
                one_each(f"Scorer of {column.name}", batch.rows, values)
                found.append(np.asarray(values, np.float64))
        return found

    def _halves(self, piece: pa.Table, fault: Exception) -> list[Floats]:
        if piece.num_rows > 1:
            self.split += 1
            half = piece.num_rows // 2
            first, rest = self.block(piece.slice(0, half)), self.block(piece.slice(half))
            return [np.concatenate([a, b]) for a, b in zip(first, rest, strict=True)]
        told = f"{type(fault).__name__}: {fault}"
        if self.on_error == "fail":
            row = piece.column("id")[0].as_py()
            raise DataError(
                f"Stage score must not fail, was: {told}, at row {row!r}; "
                'set on_error = "quarantine" to go on without such rows'
            ) from fault
        self.errors.append(f"score: {told}")
        return [np.full(1, np.nan) for scorer in self.scorers for _ in scorer.columns]


class Verdict(Protocol):
    """The rules of a recipe."""

    def failures(self, scores: Mapping[str, Floats]) -> dict[str, Mask]: ...


def judge(
    units: pa.Table,
    scores: Mapping[str, Floats],
    rules: Verdict,
    reasons: Mapping[str, str],
    errors: pa.ChunkedArray | None = None,
) -> pa.Table:
    """The units with their scores and `reasons`: all rules that each row fails, gravest first.

    A row in error, its own or one of `errors` (what scoring met), is quarantined, not judged.

    Args:
        units: a UNITS table.
        scores: one array per column, one value per row.
        rules: what fails.
        reasons: the word for each column.
        errors: one per row, null where there was none.
    """
    own = units.column("error")
    error = own if errors is None else pc.coalesce(own, errors.cast(pa.string()))
    sound = pc.is_null(error).to_numpy(zero_copy_only=False)
    fails = {name: mask & sound for name, mask in rules.failures(scores).items()}
    listed = _reasons(fails, reasons, units.num_rows)
    some = pc.greater(pc.list_value_length(listed), 0)
    first = pc.list_element(pc.if_else(some, listed, _NONE), 0)
    for name, column in (("reason", first), ("reasons", listed), ("error", error)):
        place = units.schema.get_field_index(name)
        units = units.set_column(place, units.schema.field(place), column)
    progress.tick("judge", units.num_rows)
    return units.append_column(
        pa.field("scores", (column := scores_column(scores, units.num_rows)).type, nullable=False),
        column,
    )


_NONE = pa.scalar([None], pa.list_(pa.string()))


def _reasons(fails: Mapping[str, Mask], reasons: Mapping[str, str], rows: int) -> pa.ListArray:
    """Per row the reasons of the masks that hold, in the order of the masks."""
    words = [reasons[name] for name in fails]
    hits = [np.flatnonzero(mask) for mask in fails.values()]
    if not any(len(h) for h in hits):
        return pa.array([[]] * rows, pa.list_(pa.string()))
    row = np.concatenate(hits)
    number = np.repeat(np.arange(len(hits)), [len(h) for h in hits])
    order = np.lexsort((number, row))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    values = pa.DictionaryArray.from_arrays(pa.array(number[order], pa.int32()), pa.array(words))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values.cast(pa.string()))
