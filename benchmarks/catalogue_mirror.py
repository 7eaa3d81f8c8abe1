"""DuckDB over Parquet in a bucket: from a working copy, or through fsspec?

    .venv/bin/python benchmarks/catalogue_mirror.py [--shards 200] [--rows 200]

The same scored rows as so many objects on moto's server (loopback: no latency of a network). First
asked: with nothing here yet. DuckDB's own `httpfs` is an extension to be downloaded, so it is
no candidate where that is switched off.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.s3_server import new_bucket, s3_server
from xltpipe.durable import write_table
from xltpipe.mirrored import Mirrored
from xltpipe.store import Shard, Step

QUESTIONS = {
    "count": "SELECT count(*) FROM {files}",
    "group": "SELECT reason, count(*), avg(length) FROM {files} GROUP BY 1",
    "text": "SELECT count(*) FROM {files} WHERE text LIKE '%seven%'",
}


def step(number: int, rows: int) -> Step:
    def build(home: Path) -> dict[str, int]:
        texts = [f"Row {k} of shard {number}: " + "one two seven " * 20 for k in range(rows)]
        reasons = [["span_lost", None, "too_long"][k % 3] for k in range(rows)]
        table = pa.table({"text": texts, "reason": reasons, "length": list(map(len, texts))})
        write_table(table, home / "part-00000.parquet")
        return {"rows": rows}

    return Step("judge", 1, {"number": number}, (), build)


def timed(connection: duckdb.DuckDBPyConnection, files: str) -> list[float]:
    took = []
    for question in QUESTIONS.values():
        began = time.perf_counter()
        connection.sql(question.format(files=files)).fetchall()
        took.append(time.perf_counter() - began)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--shards", type=int, default=200)
    parser.add_argument("--rows", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, s3_server():
        address = f"{new_bucket()}/store"
        builder = Mirrored(address, Path(name) / "builder")
        shards = [builder.make(step(k, options.rows))[0] for k in range(options.shards)]
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: "
            f"{options.shards} shards of {options.rows} rows\n\n"
            f"| way | to bring s | {' s | '.join(QUESTIONS)} s |\n|---|---|---|---|---|"
        )
        show("working copy, first", *mirrored(address, Path(name) / "asker", shards))
        show("working copy, later", *mirrored(address, Path(name) / "asker", shards))
        show("through fsspec", 0.0, through_fsspec(address, shards))


def show(way: str, brought: float, took: list[float]) -> None:
    print(f"| {way} | {brought:.2f} | {' | '.join(f'{t:.2f}' for t in took)} |")


def mirrored(address: str, root: Path, shards: list[Shard]) -> tuple[float, list[float]]:
    store = Mirrored(address, root)
    began = time.perf_counter()
    store.prefetch(shards)
    paths = [str(store.path(shard)) for shard in shards]
    brought = time.perf_counter() - began
    with duckdb.connect() as connection:
        return brought, timed(connection, f"read_parquet({paths})")


def through_fsspec(address: str, shards: list[Shard]) -> list[float]:
    import fsspec

    files = [f"{address}/judge/{s.key[:2]}/{s.key}/{s.part}" for s in shards]
    with duckdb.connect() as connection:
        connection.register_filesystem(fsspec.filesystem("s3"))
        return timed(connection, f"read_parquet({files})")


if __name__ == "__main__":
    main()
