"""Rows: the examples that a shard holds, whatever stage made it."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from xltpipe import tables
from xltpipe.types import Example, Unit

View = Literal["target", "source", "both"]
"""Of judged units: the examples of the target language, those that they were made from, or both
together, for trainers of pairs."""

_CORPUS = frozenset({"materialise", "keep"})
_UNITS = frozenset({"judge"})


def examples(table: pa.Table, stage: str, lang: str, view: View = "target") -> list[Example]:
    """The examples of a shard; of units, the kept ones. A corpus does not say its language."""
    if stage in _CORPUS:
        return of_corpus(table, lang)
    if stage in _UNITS:
        return [u.target if view == "target" else u.source for u in units(table)]
    return tables.table_to_examples(table)


def units(table: pa.Table) -> list[Unit]:
    """The kept units of a judged shard."""
    return [unit for unit in tables.table_to_units(table) if unit.kept]


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
