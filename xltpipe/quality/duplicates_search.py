"""The search for duplicates: keys and bands in files, joined by DuckDB within a set memory.

Rows meet in a band (locality-sensitive hashing; Indyk & Motwani, 1998) with the first row and the
row before them, not with all: that is linear, and sixteen bands leave a pair as many chances.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xltpipe.quality.batch import Batch, Ints
from xltpipe.quality.duplicates import GROUPS, Duplicates, similarity
from xltpipe.quality.duplicates_shingles import (
    PERMUTATIONS,
    band_rows,
    bands,
    schema,
    sides,
    signatures,
    text_keys,
)

_ROWS = 2000
"""Rows looked at together."""

_PAIRS = 20_000
"""Pairs whose signatures are compared together."""


class Search:
    """One search; `read` comes before `groups`."""

    def __init__(self, settings: Duplicates, scratch: Path) -> None:
        self._settings = settings
        self._scratch = scratch
        self._band_rows = band_rows(settings.threshold)
        self._bands = PERMUTATIONS // self._band_rows if settings.near else 0
        self._file = scratch / "rows.parquet"
        self._rows = 0

    def read(self, shards: Iterator[tuple[int, pa.Table]]) -> None:
        """Store key, signature and bands of each row."""
        with pq.ParquetWriter(self._file, schema(self._bands), compression="zstd") as out:
            for number, table in shards:
                sound = np.flatnonzero(pc.is_null(table.column("error")).to_numpy())
                for start in range(0, len(sound), _ROWS):
                    places = sound[start : start + _ROWS]
                    out.write_table(self._described(table.take(places), number, places))

    def _described(self, table: pa.Table, shard: int, places: Ints) -> pa.Table:
        found = sides(Batch(table), self._settings.by)
        rows = len(places)
        numbers = np.arange(self._rows, self._rows + rows)
        self._rows += rows
        made = signatures(found, self._settings) if self._bands else [None] * rows
        keys = np.zeros((rows, self._bands), np.uint64)
        known = np.array([one is not None for one in made], np.bool_)
        if known.any():
            keys[known] = bands([one for one in made if one is not None], self._band_rows)
        columns = [
            pa.array(numbers),
            pa.array(np.full(rows, shard), pa.int32()),
            pa.array(places, pa.int32()),
            pa.array(text_keys(found), pa.binary()),
            pa.array(made, pa.binary()),
            *(pa.array(keys[:, k], mask=~known) for k in range(self._bands)),
        ]
        return pa.Table.from_arrays(columns, schema=schema(self._bands))

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
        return pa.concat_tables([part.cast(GROUPS) for part in parts])

    def _near(self, database: duckdb.DuckDBPyConnection) -> pa.Table:
        """The groups of nearly equal rows; equal rows count once and join in the end."""
        database.execute(_FIRSTS)
        database.execute("CREATE TABLE pairs (one BIGINT, other BIGINT)")
        for band in range(self._bands):
            database.execute(_MEETING.format(band=band))
        one, other = self._alike(database)
        members, root = connected(one, other)
        near = pa.table({"id": members, "root": root})
        database.register("near", near)
        found = database.sql(_NEAR_GROUPS).to_arrow_table()
        of_first = found.column("first_signature").combine_chunks()
        alike = similarity(found.column("signature").combine_chunks(), of_first)
        place = found.schema.get_field_index("similarity")
        return found.set_column(place, "similarity", pa.array(alike)).drop_columns(
            "first_signature"
        )

    def _alike(self, database: duckdb.DuckDBPyConnection) -> tuple[Ints, Ints]:
        """The pairs of rows that met and whose signatures are as similar as they must be."""
        ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for batch in database.sql(_COMPARED).to_arrow_reader(_PAIRS):
            alike = similarity(batch.column("one_signature"), batch.column("other_signature"))
            good = alike >= self._settings.threshold
            ones.append(batch.column("one").to_numpy()[good])
            others.append(batch.column("other").to_numpy()[good])
        return np.concatenate(ones), np.concatenate(others)


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
    1.0::DOUBLE AS similarity, NULL::BLOB AS signature
FROM exact JOIN rows USING (id) ORDER BY first, id
"""

_FIRSTS = """
CREATE VIEW firsts AS
SELECT * FROM rows
WHERE signature IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM exact WHERE exact.id = rows.id AND exact.first < rows.id
)
"""

_MEETING = """
INSERT INTO pairs
WITH met AS (
    SELECT id, first, lag(id) OVER (PARTITION BY key ORDER BY id) AS before FROM (
        SELECT id, band{band} AS key, first FROM firsts
        JOIN (
            SELECT band{band}, min(id) AS first FROM firsts
            GROUP BY band{band} HAVING count(*) > 1
        ) USING (band{band})
    )
)
SELECT first, id FROM met WHERE id > first
UNION SELECT before, id FROM met WHERE before > first
"""

_COMPARED = """
SELECT one, other, a.signature AS one_signature, b.signature AS other_signature
FROM (SELECT DISTINCT one, other FROM pairs) AS pairs
JOIN rows AS a ON a.id = one JOIN rows AS b ON b.id = other
"""

_NEAR_GROUPS = """
WITH every AS (
    SELECT id, root FROM near
    UNION ALL SELECT exact.id, root FROM exact JOIN near ON near.id = exact.first
    WHERE exact.id > exact.first
)
SELECT rows.shard, rows.row, dense_rank() OVER (ORDER BY root) - 1 AS "group", 'near' AS kind,
    0.0::DOUBLE AS similarity, rows.signature, firsts.signature AS first_signature
FROM every JOIN rows USING (id) JOIN rows AS firsts ON firsts.id = root
ORDER BY root, rows.id
"""
