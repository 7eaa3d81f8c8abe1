"""Arrow schemas of what lies on the shelf."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

SPAN = pa.struct(
    [
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("text", pa.int16(), nullable=False),
    ]
)
BOUNDS = pa.struct(
    [pa.field("start", pa.int32(), nullable=False), pa.field("end", pa.int32(), nullable=False)]
)
LINK = pa.struct(
    [
        pa.field("head", pa.int32(), nullable=False),
        pa.field("tail", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
    ]
)
EXAMPLE_FIELDS = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("lang", pa.string(), nullable=False),
    pa.field("texts", pa.list_(pa.string()), nullable=False),
    pa.field("spans", pa.list_(SPAN), nullable=False),
    pa.field("label", pa.string()),
    pa.field("tokens", pa.list_(BOUNDS), nullable=False),
    pa.field("masked", pa.list_(pa.int16()), nullable=False),
    # null where DuckDB sets rows of earlier versions, which lack these, beside those of today
    pa.field("links", pa.list_(LINK)),
    pa.field("meta", pa.string()),
    pa.field("verbatim", pa.list_(pa.int16())),
]


def _nullable(field: pa.Field) -> pa.Field:
    return field.with_nullable(True)


_SPOKEN = [
    pa.field("text", pa.string(), nullable=False),
    pa.field("score", pa.float64()),
    pa.field("tokens_in", pa.int32(), nullable=False),
    pa.field("tokens_out", pa.int32(), nullable=False),
    pa.field("truncated", pa.bool_(), nullable=False),
]
TRANSLATION = pa.struct(
    [
        *_SPOKEN,
        pa.field("fault", pa.string()),
        pa.field("engine", pa.string()),
        pa.field("passed_over", pa.list_(pa.string())),
        # fields of a struct that may be null must be so themselves for DuckDB's tables to be cast
        pa.field("via", pa.struct([pa.field("lang", pa.string()), *map(_nullable, _SPOKEN)])),
    ]
)
TRANSLATION_NAMES = [field.name for field in TRANSLATION]
PLACEMENT = pa.struct(
    [
        pa.field("source", pa.int32(), nullable=False),
        pa.field("target", pa.int32()),
        pa.field("method", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reason", pa.string()),
        pa.field("rank", pa.int16(), nullable=False),
        pa.field("margin", pa.float64()),
    ]
)

EXAMPLES = pa.schema(EXAMPLE_FIELDS)
"""One labelled example a row."""

OPTIONAL = ("masked", "links", "meta", "verbatim")
"""Columns of EXAMPLES that files from elsewhere may lack: they say nothing then."""

UNITS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.struct(EXAMPLE_FIELDS), nullable=False),
        pa.field("target", pa.struct(EXAMPLE_FIELDS), nullable=False),
        pa.field("sent", pa.list_(pa.string()), nullable=False),
        pa.field("received", pa.list_(TRANSLATION), nullable=False),
        pa.field("placements", pa.list_(PLACEMENT), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("error", pa.string()),
    ]
)
"""One source example with its translation a row; `reason` is the first of `reasons`."""


def scored(names: Sequence[str]) -> pa.Schema:
    """UNITS with one float column per scorer, in one struct column `scores`."""
    scores = pa.struct([pa.field(name, pa.float64()) for name in names])
    return UNITS.append(pa.field("scores", scores, nullable=False))
