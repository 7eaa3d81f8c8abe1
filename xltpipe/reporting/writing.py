"""Writing: a run's report to its file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xltpipe.durable import write_whole
from xltpipe.reporting.findings import findings
from xltpipe.reporting.page import page
from xltpipe.store import Store

if TYPE_CHECKING:
    import duckdb

ROWS = 300
"""Rows that a page lists unless told otherwise."""


def write(
    store: Store,
    connection: duckdb.DuckDBPyConnection,
    run: str,
    file: Path | None = None,
    rows: int = ROWS,
    seed: int = 0,
) -> Path:
    """Write the page; without `file`, to reports/RUN.html beside the store. Gives the file.

    Raises:
        RecipeError: there is no such run. MissingExtraError: what draws charts is not installed.
    """
    found = findings(store, connection, run, rows, seed)
    if file is None:
        file = place(store, found.essentials.run.id)
        file.parent.mkdir(exist_ok=True)
    write_whole(file, page(found))
    return file


def place(store: Store, run: str) -> Path:
    """Where a run's report lies."""
    return store.root.parent / "reports" / f"{run}.html"
