"""Questions: SQL from a person or a program, which can ask and do nothing else.

The connection reads the catalogue's own Parquet files and no other file, loads no extension, keeps
no secret, and takes no more memory, disk and time than it is given; its settings are locked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from xltpipe.errors import RecipeError

MEMORY, DISK = "4GB", "16GB"
"""What one connection may take; sorts and joins beyond the memory go to the disk."""

LARGEST = 1 << 30
"""Bytes of an answer, which is held in memory beside DuckDB's own."""

_BATCH = 10_000  # rows fetched between two looks at the size


def restrict(
    connection: duckdb.DuckDBPyConnection, folders: Sequence[Path], scratch: Path
) -> duckdb.DuckDBPyConnection:
    """The connection, from now on able to read files below `folders` alone, in bounded memory.

    `scratch` is where what does not fit into memory goes; DuckDB makes and removes it.
    """
    listed = ", ".join(quoted(f"{folder}/") for folder in folders)
    for setting in (
        f"memory_limit = {quoted(MEMORY)}",
        f"temp_directory = {quoted(str(scratch))}",
        f"max_temp_directory_size = {quoted(DISK)}",
        f"allowed_directories = [{listed}]",
        "autoload_known_extensions = false",
        "autoinstall_known_extensions = false",
        "allow_community_extensions = false",
        "allow_persistent_secrets = false",
        "python_enable_replacements = false",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")
    return connection


def ask(connection: duckdb.DuckDBPyConnection, sql: str, seconds: float | None) -> pa.Table:
    """The answer to one question, within so many seconds (None: however long it takes).

    Only SELECT (and what DuckDB takes for one: FROM, SHOW, DESCRIBE, …).

    Raises:
        RecipeError: the question is wrong, takes too long or its answer is too large.
    """
    try:
        kinds = [statement.type for statement in connection.extract_statements(sql)]
        if kinds != [duckdb.StatementType.SELECT]:
            was = ", ".join(kind.name for kind in kinds) or "none"
            raise RecipeError(f"Query must be one SELECT, was: {was}")
        with _limited(connection, seconds):
            return _fetched(connection, sql)
    except duckdb.InterruptException as error:
        raise RecipeError(
            f"Query must be answered within {seconds:g} s, was: not; ask for less, or give it more "
            "time (--seconds)"
        ) from error
    except duckdb.Error as error:
        raise RecipeError(f"Query must be answerable, was: {error}") from error


def quoted(text: str) -> str:
    """The text as SQL writes it."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


@contextmanager
def _limited(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> Iterator[None]:
    if seconds is None:
        yield
        return
    watch = threading.Timer(seconds, connection.interrupt)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _fetched(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    reader = connection.sql(sql).to_arrow_reader(_BATCH)
    batches, size = [], 0
    for batch in reader:
        size += batch.nbytes
        if size > LARGEST:
            raise RecipeError(
                f"Answer must be at most {LARGEST:,} bytes, was: larger; ask for less (LIMIT)"
            )
        batches.append(batch)
    return pa.Table.from_batches(batches, schema=reader.schema)
