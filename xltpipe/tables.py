"""Rows ↔ tables of the schemas on the shelf (`schema.py`), column by column.

Converting whole columns instead of rows keeps reading and writing a small part of a run
(docs/results.md, overhead).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, TypeVar

import pyarrow as pa

from xltpipe.schema import (
    BOUNDS,
    EXAMPLE_FIELDS,
    EXAMPLES,
    LINK,
    OPTIONAL,
    PLACEMENT,
    SPAN,
    TRANSLATION,
    TRANSLATION_NAMES,
    UNITS,
    scored,
)
from xltpipe.types import Example, Leg, Link, Placement, Span, Translation, Unit

T = TypeVar("T")

__all__ = [
    "EXAMPLES",
    "OPTIONAL",
    "UNITS",
    "batches",
    "examples_to_table",
    "scored",
    "scores_column",
    "table_to_examples",
    "table_to_units",
    "units_to_table",
]


def examples_to_table(examples: Sequence[Example]) -> pa.Table:
    return pa.Table.from_arrays(_example_columns(examples), schema=EXAMPLES)


def table_to_examples(table: pa.Table) -> list[Example]:
    return _examples(
        {name: _whole(table.column(name)) for name in table.column_names}, table.num_rows
    )


def units_to_table(units: Sequence[Unit]) -> pa.Table:
    received = [t for u in units for t in u.received]
    placed = [p for u in units for p in u.placements]
    columns = [
        pa.array([u.source.id for u in units], pa.string()),
        pa.StructArray.from_arrays(
            _example_columns([u.source for u in units]), fields=EXAMPLE_FIELDS
        ),
        pa.StructArray.from_arrays(
            _example_columns([u.target for u in units]), fields=EXAMPLE_FIELDS
        ),
        pa.array([u.sent for u in units], UNITS.field("sent").type),
        _lists(
            [len(u.received) for u in units],
            TRANSLATION,
            [
                [t.text for t in received],
                [t.score for t in received],
                [t.tokens_in for t in received],
                [t.tokens_out for t in received],
                [t.truncated for t in received],
                [t.fault for t in received],
                [t.engine for t in received],
                [t.passed_over for t in received],
                [t.via and asdict(t.via) for t in received],
            ],
        ),
        _lists(
            [len(u.placements) for u in units],
            PLACEMENT,
            [
                [p.source for p in placed],
                [p.target for p in placed],
                [p.method for p in placed],
                [p.score for p in placed],
                [p.reason for p in placed],
                [p.rank for p in placed],
                [p.margin for p in placed],
            ],
        ),
        pa.array([u.reason for u in units], pa.string()),
        pa.array([u.reasons for u in units], UNITS.field("reasons").type),
        pa.array([u.error for u in units], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=UNITS)


def table_to_units(table: pa.Table) -> list[Unit]:
    """Rows of a UNITS table; further columns (scores) are left aside."""
    rows = table.num_rows
    source, target = (_examples(_fields(table.column(name)), rows) for name in ("source", "target"))
    received = _records(_whole(table.column("received")), _translation)
    placements = _records(_whole(table.column("placements")), Placement)
    sent = table.column("sent").to_pylist()
    reasons = table.column("reasons").to_pylist()
    errors = table.column("error").to_pylist()
    return [
        Unit(s, t, tuple(out), got, placed, tuple(why), error)
        for s, t, out, got, placed, why, error in zip(
            source, target, sent, received, placements, reasons, errors, strict=True
        )
    ]


def scores_column(scores: Mapping[str, Collection[float]], rows: int) -> pa.StructArray:
    """One struct of all scores; NaN is stored as NULL, so that SQL averages skip it."""
    if not scores:  # a struct without fields does not know how many it is of
        return pa.array([{}] * rows, scored([]).field("scores").type)
    arrays = [pa.array(values, pa.float64(), from_pandas=True) for values in scores.values()]
    return pa.StructArray.from_arrays(arrays, names=list(scores))


def _example_columns(examples: Sequence[Example]) -> list[pa.Array]:
    spans = [s for e in examples for s in e.spans]
    bounds = [b for e in examples for b in e.tokens]
    return [
        pa.array([e.id for e in examples], pa.string()),
        pa.array([e.lang for e in examples], pa.string()),
        pa.array([e.texts for e in examples], EXAMPLES.field("texts").type),
        _lists(
            [len(e.spans) for e in examples],
            SPAN,
            [
                [s.start for s in spans],
                [s.end for s in spans],
                [s.label for s in spans],
                [s.text for s in spans],
            ],
        ),
        pa.array([e.label for e in examples], pa.string()),
        _lists(
            [len(e.tokens) for e in examples],
            BOUNDS,
            [[start for start, _ in bounds], [end for _, end in bounds]],
        ),
        pa.array([e.masked for e in examples], EXAMPLES.field("masked").type),
        _links([e.links for e in examples]),
        pa.array([e.meta for e in examples], pa.string()),
        pa.array([e.verbatim for e in examples], EXAMPLES.field("verbatim").type),
    ]


def _links(rows: Sequence[tuple[Link, ...]]) -> pa.Array:
    flat = [link for row in rows for link in row]
    columns: list[list[object]] = [
        [link.head for link in flat],
        [link.tail for link in flat],
        [link.label for link in flat],
    ]
    return _lists([len(row) for row in rows], LINK, columns)


def _lists(lengths: Sequence[int], struct: pa.StructType, columns: list[list[object]]) -> pa.Array:
    """A list<struct> array from the columns of its flattened records."""
    fields = [struct.field(i) for i in range(struct.num_fields)]
    arrays = [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    values = pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """One contiguous array; a sliced or chunked column is copied once."""
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _translation(*row: Any) -> Translation:
    """A record of `received`; older tables end before its last fields, which then say nothing."""
    told = dict(zip(TRANSLATION_NAMES, row, strict=False))
    told["passed_over"] = tuple(told.get("passed_over") or ())
    told["via"] = Leg(**told["via"]) if told.get("via") else None
    return Translation(**told)


def _records(array: pa.Array, make: Callable[..., T]) -> list[tuple[T, ...]]:
    """The records of a list<struct> array, whose fields are those of `make`, in order.

    An older table may lack the last fields: they take their defaults.
    """
    # `values` is the whole child and `offsets` absolute, so a sliced array is read rightly.
    columns = [c.to_pylist() for c in array.values.flatten()]
    flat = [make(*row) for row in zip(*columns, strict=True)]
    offsets = array.offsets.to_pylist()
    return [tuple(flat[a:b]) for a, b in pairwise(offsets)] if len(array) else []


def _fields(column: pa.ChunkedArray) -> dict[str, pa.Array]:
    """The fields of a struct column by name."""
    struct = _whole(column)
    names = [struct.type.field(at).name for at in range(struct.type.num_fields)]
    return dict(zip(names, struct.flatten(), strict=True))


def _examples(columns: Mapping[str, pa.Array], rows: int) -> list[Example]:
    """Examples of columns by name; artefacts of earlier versions lack the last ones."""
    tokens = columns["tokens"]
    bounds = [c.to_pylist() for c in tokens.values.flatten()]
    flat = list(zip(*bounds, strict=True))
    offsets = tokens.offsets.to_pylist()
    words = [tuple(flat[a:b]) for a, b in pairwise(offsets)] if rows else []
    none: list[tuple[()]] = [()] * rows
    return [
        Example(*row)
        for row in zip(
            columns["id"].to_pylist(),
            columns["lang"].to_pylist(),
            map(tuple, columns["texts"].to_pylist()),
            _records(columns["spans"], Span),
            columns["label"].to_pylist(),
            words,
            _tuples(columns["masked"]) if "masked" in columns else none,
            _records(columns["links"], Link) if "links" in columns else none,
            columns["meta"].to_pylist() if "meta" in columns else [None] * rows,
            _tuples(columns["verbatim"]) if "verbatim" in columns else none,
            strict=True,
        )
    ]


def _tuples(lists: pa.Array) -> Iterator[tuple[int, ...]]:
    return (tuple(row or ()) for row in lists.to_pylist())


def batches(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of `size` (the last may be shorter)."""
    batch: list[T] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
