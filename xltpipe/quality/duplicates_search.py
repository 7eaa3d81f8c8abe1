"""The search for duplicates: keys and bands in files, joined by DuckDB within a set memory.

Rows meet in a band (locality-sensitive hashing; Indyk & Motwani, 1998) with the first row and the
row before them, not with all: that is linear, and sixteen bands leave a pair as many chances.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xltpipe.quality.batch import Batch
from xltpipe.quality.duplicates import GROUPS, Duplicates, Marks
from xltpipe.quality.duplicates_labels import label_keys
from xltpipe.quality.duplicates_shingles import (
    PERMUTATIONS,
    band_rows,
    bands,
    schema,
    sides,
    signatures,
    text_keys,
)
from xltpipe.quality.keys import Ints

Pairs = np.ndarray[tuple[int, int], np.dtype[np.int64]]

_ROWS = 2000
"""Rows looked at together."""

_PAIRS = 20_000
"""Pairs whose signatures are compared together."""

_BYTES = 2 * PERMUTATIONS
"""Of a signature."""


class Search:
    """One search; `read` comes before `groups`."""

    def __init__(self, settings: Duplicates, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch
        self._bands = _bands(settings)
        self._file = scratch / "rows.parquet"
        self._signatures = scratch / "signatures.bin"
        self._rows = 0

    def read(self, shards: Iterator[tuple[int, pa.Table]]) -> None:
        """Store what `describe` tells of each row, and one signature after the other."""
        made = schema(self._bands)
        with (
            pq.ParquetWriter(self._file, made, compression="zstd") as out,
            self._signatures.open("wb") as file,
        ):
            for number, table in shards:
                rows = table.num_rows
                numbers = np.arange(self._rows, self._rows + rows)
                self._rows += rows
                columns = [pa.array(numbers), pa.array(np.full(rows, number), pa.int32())]
                columns += [table.column(name) for name in made.names[2:]]
                out.write_table(pa.Table.from_arrays(columns, schema=made))
                if self._bands:
                    file.write(b"".join(table.column("signature").to_pylist()))

    def groups(self) -> pa.Table:
        """All groups, by kind and order."""
        with duckdb.connect() as database:
            # one thread: a thread more takes its own share of the memory
            database.execute("SET threads = 1; SET preserve_insertion_order = false")
            database.execute(f"SET memory_limit = '{self._settings.memory_mb}MB'")
            database.execute("SET temp_directory = $home", {"home": str(self._scratch / "spilt")})
            database.read_parquet(str(self._file)).create_view("rows")
            database.execute(_EXACT)
            parts = [database.sql(_EXACT_GROUPS).to_arrow_table()]
            if self._bands:
                parts.append(self._near(database))
            parts.append(database.sql(_CONFLICTS).to_arrow_table())
        return pa.concat_tables([part.cast(GROUPS) for part in parts])

    def _near(self, database: duckdb.DuckDBPyConnection) -> pa.Table:
        """The groups of nearly equal rows; equal rows count once and join in the end."""
        database.execute(_FIRSTS)
        members, root = connected(*self._alike(database))
        database.register("near", pa.table({"id": members, "root": root}))
        found = database.sql(_NEAR_GROUPS).to_arrow_table()
        with self._signatures.open("rb") as file:
            pieces = [_near_rows(file, part) for part in found.to_batches(_PAIRS)]
        return pa.Table.from_batches(pieces, GROUPS)

    def _alike(self, database: duckdb.DuckDBPyConnection) -> tuple[Ints, Ints]:
        """The pairs of rows that meet in a band and are as similar as they must be."""
        pairs = np.zeros((0, 2), np.int64)
        with self._signatures.open("rb") as file:
            for band in range(self._bands):
                met = database.sql(_MEETING.format(band=band)).to_arrow_reader(_PAIRS)
                good = [pairs, *(self._compared(file, batch) for batch in met)]
                pairs = np.unique(np.concatenate(good), axis=0)
        return pairs[:, 0], pairs[:, 1]

    def _compared(self, file: BufferedReader, batch: pa.RecordBatch) -> Pairs:
        one, other = batch.column("one").to_numpy(), batch.column("other").to_numpy()
        alike = (_marks(file, one) == _marks(file, other)).mean(axis=1)
        pairs: Pairs = np.stack([one, other], axis=1)[alike >= self._settings.threshold]
        return pairs


def describe(units: pa.Table, settings: Duplicates) -> pa.Table:
    """What decides whether rows are duplicates: keys, bands and a signature; no rows in error."""
    parts = []
    sound = np.flatnonzero(pc.is_null(units.column("error")).to_numpy())
    for start in range(0, len(sound), _ROWS):
        places = sound[start : start + _ROWS]
        parts.append(_described(units.take(places), places, settings))
    made = pa.schema([*list(schema(_bands(settings)))[2:], pa.field("signature", pa.binary())])
    return pa.concat_tables([made.empty_table(), *(part.cast(made) for part in parts)])


def _bands(settings: Duplicates) -> int:
    return PERMUTATIONS // band_rows(settings.threshold) if settings.near else 0


def _described(table: pa.Table, places: Ints, settings: Duplicates) -> pa.Table:
    batch = Batch(table)
    classes = pc.struct_field(table.column("source"), "label")
    found = sides(batch, settings.by)
    columns = {
        "row": pa.array(places, pa.int32()),
        "key": pa.array(text_keys(found), pa.binary()),
        "source": pa.array(text_keys((batch.source,)), pa.binary()),
        "labels": pa.array(label_keys(batch.source, classes), pa.binary()),
    }
    if not settings.near:
        return pa.table(columns | {"signature": pa.nulls(len(places), pa.binary())})
    marks, known = signatures(found, settings)
    keys = bands(marks, band_rows(settings.threshold))
    columns |= {f"band{k}": pa.array(keys[:, k], mask=~known) for k in range(_bands(settings))}
    return pa.table(columns | {"signature": _packed(marks)})


def _packed(marks: Marks) -> pa.Array:
    """Signatures as binary values."""
    edges = np.arange(len(marks) + 1, dtype=np.int32) * _BYTES
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(np.ascontiguousarray(marks).tobytes())]
    return pa.Array.from_buffers(pa.binary(), len(marks), buffers)


def _near_rows(file: BufferedReader, found: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of near groups with their signatures, and how similar they are to the group's first."""
    own = _marks(file, found.column("id").to_numpy())
    alike = (own == _marks(file, found.column("root").to_numpy())).mean(axis=1)
    columns = [
        *(found.column(name) for name in ("shard", "row", "group")),
        pa.array(["near"] * len(own), pa.string()),
        pa.array(alike),
        _packed(own),
        pa.nulls(len(own), pa.int32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=GROUPS)


def _marks(file: BufferedReader, ids: Ints) -> Marks:
    """The signatures of some rows; read piece by piece, for a mapped file would fill the memory."""
    known, place = np.unique(ids, return_inverse=True)
    handle = file.fileno()
    read = b"".join(os.pread(handle, _BYTES, id * _BYTES) for id in known.tolist())
    return np.frombuffer(read, np.uint16).reshape(len(known), PERMUTATIONS)[place]


def connected(one: Ints, other: Ints) -> tuple[Ints, Ints]:
    """Members of all connected components, ascending, and the least member of each's component."""
    members = np.unique(np.concatenate([one, other]))
    a, b = np.searchsorted(members, one), np.searchsorted(members, other)
    root = np.arange(len(members))
    while True:
        least = np.minimum(root[a], root[b])
        new = root.copy()
        np.minimum.at(new, root[a], least)
        np.minimum.at(new, root[b], least)
        new = new[new]
        if np.array_equal(new, root):
            return members, members[root]
        root = new


_EXACT = """
CREATE TABLE exact AS
SELECT rows.id, same.first FROM rows
JOIN (
    SELECT key, min(id) AS first FROM rows WHERE key IS NOT NULL GROUP BY key HAVING count(*) > 1
) AS same USING (key)
"""

_EXACT_GROUPS = """
SELECT shard, row, dense_rank() OVER (ORDER BY first) - 1 AS "group", 'exact' AS kind,
    1.0::DOUBLE AS similarity, NULL::BLOB AS signature, NULL::INTEGER AS labels
FROM exact JOIN rows USING (id) ORDER BY first, id
"""

_CONFLICTS = """
SELECT shard, row, dense_rank() OVER (ORDER BY first) - 1 AS "group", 'conflict' AS kind,
    1.0::DOUBLE AS similarity, NULL::BLOB AS signature,
    dense_rank() OVER (PARTITION BY first ORDER BY labels) - 1 AS labels
FROM rows JOIN (
    SELECT source, min(id) AS first FROM rows
    WHERE source IS NOT NULL GROUP BY source HAVING min(labels) <> max(labels)
) AS same USING (source)
ORDER BY first, id
"""

_FIRSTS = """
CREATE VIEW firsts AS
SELECT * FROM rows
WHERE band0 IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM exact WHERE exact.id = rows.id AND exact.first < rows.id
)
"""

_MEETING = """
WITH met AS (
    SELECT id, first, lag(id) OVER (PARTITION BY key ORDER BY id) AS before FROM (
        SELECT id, band{band} AS key, first FROM firsts
        JOIN (
            SELECT band{band}, min(id) AS first FROM firsts
            GROUP BY band{band} HAVING count(*) > 1
        ) USING (band{band})
    )
)
SELECT first AS one, id AS other FROM met WHERE id > first
UNION ALL SELECT before, id FROM met WHERE before > first
"""

_NEAR_GROUPS = """
WITH every AS (
    SELECT id, root FROM near
    UNION ALL SELECT exact.id, root FROM exact JOIN near ON near.id = exact.first
    WHERE exact.id > exact.first
)
SELECT shard, row, dense_rank() OVER (ORDER BY root) - 1 AS "group", id, root
FROM every JOIN rows USING (id) ORDER BY root, id
"""
