"""Shelved: the catalogue's tables of shards and files, from manifests that are read once.

A manifest never changes, so what the last catalogue knew of one is taken from there, as long as
its file is the same by time: of a store with a million artefacts only the new ones are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from xltpipe.durable import shape_of
from xltpipe.store import MANIFEST, Shard, Store

_LISTED = pa.schema(
    [
        *((name, pa.string()) for name in ("run", "strategy", "lang", "split", "stage", "key")),
        ("part", pa.string()),
        ("rows", pa.int64()),
    ]
)
_MANIFESTS = pa.schema(
    [
        ("stage", pa.string()),
        ("key", pa.string()),
        ("stamp", pa.int64()),
        ("bytes", pa.int64()),
        ("seconds", pa.float64()),
        ("made", pa.string()),
        ("counts", pa.string()),
        ("shape", pa.string()),
    ]
)
_STAMPS = pa.schema([_MANIFESTS.field(name) for name in ("stage", "key", "stamp")])
_FILES = pa.schema([("path", pa.string()), ("shape", pa.string())])

_SHARDS = """
CREATE TABLE shards AS
SELECT run, strategy, lang, split, stage, key, part, rows, bytes, seconds, made, counts
FROM listed JOIN manifests USING (stage, key)
"""


def write(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    records: Iterable[dict[str, Any]],
    last: Path,
) -> list[str]:
    """The tables `manifests`, `shards` and `files`, with what catalogue `last` knew.

    `files` holds the judged files below the store's root that are of their manifest's size: one
    damaged file must not take every question down. The shapes (column types) of them are returned.
    """
    listed = table(_LISTED, _listed(records))
    stages, keys = (listed.column(name).to_pylist() for name in ("stage", "key"))
    named = dict.fromkeys(zip(stages, keys, strict=True))
    store.prefetch((Shard(*one) for one in named), manifests_only=True)
    connection.register("listed", listed)
    connection.register("present", table(_STAMPS, _present(store, named)))
    connection.execute("CREATE TABLE manifests AS " + _known(connection, last))
    missing = connection.sql("SELECT * FROM present ANTI JOIN manifests USING (stage, key)")
    new = table(_MANIFESTS, _read(store, missing.fetchall()))
    connection.register("new", new)
    connection.execute("INSERT INTO manifests SELECT * FROM new")
    connection.execute(_SHARDS)
    judged = connection.sql(
        "SELECT DISTINCT key, part, bytes, shape FROM listed JOIN manifests USING (stage, key) "
        "WHERE stage = 'judge' ORDER BY key, part"
    )
    found = judged.fetchall()
    store.prefetch(Shard("judge", key, part=part) for key, part, *_ in found)
    files = table(_FILES, _sound(store, found))
    connection.register("sound", files)
    connection.execute("CREATE TABLE files AS SELECT * FROM sound")
    for name in ("listed", "present", "new", "sound"):
        connection.unregister(name)
    return sorted(set(files.column("shape").to_pylist()))


def table(schema: pa.Schema, rows: Iterator[tuple[object, ...]]) -> pa.Table:
    """Rows as an Arrow table."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _listed(records: Iterable[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """Every shard on record, once for each strategy, language and split of a run."""
    for record in records:
        seen: set[tuple[object, ...]] = set()
        for outcome in record["outcomes"]:
            for split, fields in outcome["shards"]:
                shard = Shard(**fields)
                here = (outcome["strategy"], outcome["target"], split, shard.key, shard.part)
                if here not in seen:
                    seen.add(here)
                    yield record["run"], *here[:3], shard.stage, shard.key, shard.part, shard.rows


def _present(store: Store, named: Iterable[tuple[str, str]]) -> Iterator[tuple[object, ...]]:
    for stage, key in named:
        try:
            seen = os.stat(f"{store.root}/{stage}/{key[:2]}/{key}/{MANIFEST}")  # noqa: PTH116
        except OSError:
            continue
        yield stage, key, seen.st_mtime_ns


def _known(connection: duckdb.DuckDBPyConnection, last: Path) -> str:
    """SQL for what the last catalogue knew; none of an older version, or a damaged one."""
    nothing = "SELECT * FROM new"
    connection.register("new", _MANIFESTS.empty_table())
    if not last.exists():
        return nothing
    try:
        with duckdb.connect(str(last), read_only=True) as before:
            old = before.sql("SELECT * FROM manifests").to_arrow_table()
    except duckdb.Error:
        return nothing
    if old.schema.names != _MANIFESTS.names:
        return nothing
    connection.register("old", old)
    return "SELECT old.* FROM old SEMI JOIN present USING (stage, key, stamp)"


def _read(store: Store, missing: Iterable[tuple[str, str, int]]) -> Iterator[tuple[object, ...]]:
    for stage, key, stamp in missing:
        manifest = store.manifest(Shard(stage, key))
        if manifest is None:
            continue
        files = manifest["files"]
        yield (
            stage,
            key,
            stamp,
            sum(file["bytes"] for file in files),
            manifest["seconds"],
            manifest["made"],
            json.dumps(manifest["counts"]),
            _shape(store, Shard(stage, key), files) if stage == "judge" else None,
        )


def _shape(store: Store, shard: Shard, files: list[dict[str, Any]]) -> str | None:
    """The shape of a judged file; by its footer where the manifest is older than shapes."""
    (file,) = files
    return file.get("shape") or shape_of(store.folder(shard) / file["name"])


def _sound(
    store: Store, judged: Iterable[tuple[str, str, int, str | None]]
) -> Iterator[tuple[object, ...]]:
    for key, part, size, shape in judged:
        path = f"/judge/{key[:2]}/{key}/{part}"
        try:
            whole = os.stat(f"{store.root}{path}").st_size == size  # noqa: PTH116
        except OSError:
            continue
        if whole and shape is not None:
            yield path, shape
