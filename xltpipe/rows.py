"""Rows: the examples that a shard holds, whatever stage made it."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from xltpipe import tables
from xltpipe.types import Example

View = Literal["target", "source"]
"""Of judged units: the examples of the target language, or those that they were made from."""

_CORPUS = frozenset({"materialise", "keep"})
_UNITS = frozenset({"judge"})


def examples(table: pa.Table, stage: str, lang: str, view: View = "target") -> list[Example]:
    """The examples of a shard; of units, the kept ones. A corpus does not say its language."""
    if stage in _CORPUS:
        return of_corpus(table, lang)
    if stage in _UNITS:
        kept = [unit for unit in tables.table_to_units(table) if unit.kept]
        return [unit.target if view == "target" else unit.source for unit in kept]
    return tables.table_to_examples(table)


def of_corpus(table: pa.Table, lang: str) -> list[Example]:
    """The examples of a corpus file."""
    plain = pa.Table.from_arrays(
        [
            table["id"],
            pa.array([lang] * table.num_rows, pa.string()),
            table["texts"],
            table["spans"],
            table["label"],
            table["bounds"],
            table["masked"],
            table["links"],
            table["meta"],
            table["verbatim"],
        ],
        schema=tables.EXAMPLES,
    )
    return tables.table_to_examples(plain)
