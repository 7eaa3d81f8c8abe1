"""Labels of a run: what its rows bear, or what its recipe allows."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xltpipe.errors import DataError
from xltpipe.review.rows import Record, parts
from xltpipe.store import Store


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of spans, and those of whole examples."""

    spans: frozenset[str]
    classes: frozenset[str]


def known_labels(store: Store, record: Record) -> Labels:
    """Those of both sides of all rows, also of lost spans, and those that the recipe names.

    Raises:
        DataError: a shard cannot be read.
    """
    spans: set[str] = set(record["recipe"].get("labels") or ())
    classes: set[str] = set()
    for part in parts(record):
        try:
            with pq.ParquetFile(store.path(part.shard)) as file:
                for batch in file.iter_batches(columns=["source", "target"]):
                    for side in ("source", "target"):
                        column = batch.column(side)
                        spans |= _distinct(column.field("spans").flatten().field("label"))
                        classes |= _distinct(column.field("label"))
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"Shard {part.shard.name} must be a readable Parquet file, was: {error}; run "
                "the recipe again to build it anew"
            ) from error
    return Labels(frozenset(spans), frozenset(classes))


def _distinct(column: pa.Array) -> set[str]:
    return {str(value) for value in pc.unique(column).to_pylist() if value is not None}
