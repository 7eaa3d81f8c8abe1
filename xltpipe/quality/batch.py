"""Batch: units as columns of characters, words and spans, which scorers take whole.

Every row-by-row view (`strings`) is lazy: a scorer that needs it on few rows pays for few rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xltpipe import tables
from xltpipe.errors import DataError
from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.side import Side, offsets
from xltpipe.types import Unit


@dataclass(frozen=True, slots=True)
class Placements:
    """How the source's spans were carried over, one entry per source span.

    `source` and `target` are numbers of spans in the batch (target −1 where lost), `score` and
    `margin` are NaN where the method gives none.
    """

    row: Ints
    source: Ints
    target: Ints
    score: Floats
    margin: Floats
    rank: Ints
    method: Ints
    methods: list[str]


class Batch:
    """Units of one language pair as columns; `table` holds UNITS, none of them in error."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.rows: int = table.num_rows
        self.source = Side(_whole(table.column("source")))
        self.target = Side(_whole(table.column("target")))

    @classmethod
    def of(cls, units: Sequence[Unit]) -> Batch:
        return cls(tables.units_to_table(units))

    def __len__(self) -> int:
        return self.rows

    @cached_property
    def units(self) -> list[Unit]:
        """The rows as records, for scorers that hand them on (projectors, engines)."""
        return tables.table_to_units(self.table)

    @cached_property
    def paired(self) -> bool:
        """Text k of the source belongs to text k of the target.

        Raises:
            DataError: a row has more texts on one side.
        """
        differs = np.flatnonzero(self.source.first != self.target.first)
        if len(differs):
            row = int(differs[0]) - 1
            one, other = (int(s.first[row + 1] - s.first[row]) for s in (self.source, self.target))
            raise DataError(
                f"Target must have as many texts as its source, was: {other} for {one} "
                f"in example {self.table.column('id')[row].as_py()!r}"
            )
        return True

    @cached_property
    def placements(self) -> Placements:
        lists = _whole(self.table.column("placements"))
        row = np.repeat(np.arange(self.rows), np.diff(offsets(lists)))
        flat = lists.flatten()
        target = pc.fill_null(flat.field("target"), -1).to_numpy(zero_copy_only=False)
        methods = flat.field("method").dictionary_encode()
        return Placements(
            row,
            self.source.spans.first[row] + flat.field("source").to_numpy(zero_copy_only=False),
            np.where(target < 0, -1, self.target.spans.first[row] + target),
            _floats(flat, "score"),
            _floats(flat, "margin"),
            flat.field("rank").to_numpy(zero_copy_only=False).astype(np.int64),
            methods.indices.to_numpy(zero_copy_only=False).astype(np.int64),
            methods.dictionary.to_pylist(),
        )

    @cached_property
    def placed(self) -> Placements:
        """The placements of spans that were not lost."""
        every = self.placements
        kept = np.flatnonzero(every.target >= 0)
        return Placements(
            every.row[kept],
            every.source[kept],
            every.target[kept],
            every.score[kept],
            every.margin[kept],
            every.rank[kept],
            every.method[kept],
            every.methods,
        )

    @cached_property
    def received_row(self) -> Ints:
        """The row of each translation that came back."""
        lists = _whole(self.table.column("received"))
        return np.repeat(np.arange(self.rows), np.diff(offsets(lists)))

    def received(self, field: str) -> NDArray[np.generic]:
        """One field of all translations (score: NaN where there is none), see `received_row`."""
        column = _whole(self.table.column("received")).flatten().field(field)
        if field == "score":
            column = pc.fill_null(column, float("nan"))
        return np.asarray(column.to_numpy(zero_copy_only=False))

    @cached_property
    def marked(self) -> Mask:
        """Rows whose texts were sent with markers in them, not as they are."""
        sent = _whole(self.table.column("sent"))
        first, plain = offsets(sent), self.source.first
        if np.array_equal(first, plain) and sent.flatten().equals(self.source.values):
            return np.zeros(self.rows, np.bool_)
        sizes, texts = np.diff(first), np.diff(plain)
        whole = sizes >= texts
        out = ~whole
        if not len(sent.flatten()):
            return np.zeros(self.rows, np.bool_) if not texts.any() else out
        at = np.repeat(first[:-1] - plain[:-1], texts) + np.arange(self.source.texts)
        known = whole[self.source.row_of]
        same = np.zeros(self.source.texts, np.bool_)
        taken = sent.flatten().take(pa.array(np.where(known, at, 0)))
        same[:] = pc.fill_null(pc.equal(taken, self.source.values), False).to_numpy(
            zero_copy_only=False
        )
        return out | (self.source.per_row(~same) > 0)


def _floats(records: pa.StructArray, name: str) -> Floats:
    """One field of records; NaN where it is null, or where older artefacts lack it."""
    if records.type.get_field_index(name) < 0:
        return np.full(len(records), np.nan)
    values = pc.fill_null(records.field(name), float("nan"))
    found: Floats = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
