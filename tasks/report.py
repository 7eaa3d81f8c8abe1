"""Show the essentials of a run where Prefect shows the run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import shelf
from tasks.showing import key
from xltpipe.card import run_folder
from xltpipe.catalogue import connect
from xltpipe.errors import MissingExtraError
from xltpipe.reporting import charts, summary
from xltpipe.reporting.findings import essentials
from xltpipe.reporting.writing import place, write

FILES = "XLTPIPE_FILES_URL"
"""Environment variable: the address under which the data folder is served, if it is.

Browsers follow no link from a page of a server to a file, so without it links are there to copy.
"""


@task(name="report", task_run_name="report {run}", **OPTIONS)
def report(run: str) -> None:
    """The funnel and scores as Markdown, reasons and scores as tables, links to the files."""
    with connect(shelf()) as catalogue:
        found = essentials(shelf(), catalogue, run)
    create_markdown_artifact(
        summary.markdown(found), key=key(run, "summary"), description=f"what became of {run}"
    )
    tables: dict[str, tuple[list[dict[str, Any]], str]] = {
        "reasons": ([*summary.reasons(found)], "rows rejected, by reason"),
        "scores": ([*summary.scores(found)], "scores, by language"),
        "results": ([*summary.results(found)], "scores with their signatures"),
    }
    for name, (rows, description) in tables.items():
        if rows:
            create_table_artifact(rows, key=key(run, name), description=description)
    corpus = shelf().root / run_folder(run)
    if corpus.is_dir():
        link(run, "corpus", corpus, f"corpus of {run}: Parquet files and their card")
    link(run, "report", place(shelf(), run), _page(run))


def _page(run: str) -> str:
    """Write the report's page if what draws it is installed; what to say of it."""
    try:
        charts.check()
    except MissingExtraError as error:
        get_run_logger().info("no page: %s", error)
        return f"not written: needs xltpipe[report]; then `xltpipe report {run}` writes this page"
    with connect(shelf()) as catalogue:
        write(shelf(), catalogue, run)
    return f"report of {run}"


def link(run: str, what: str, path: Path, description: str) -> None:
    """A link to a file or folder below the data folder, with its path to read."""
    create_link_artifact(address(path), str(path), key(run, what), description)


def address(path: Path) -> str:
    """Where a browser finds a file below the data folder, as far as it is served."""
    served = os.environ.get(FILES)
    if not served:
        return path.as_uri()
    return f"{served.rstrip('/')}/{quote(path.relative_to(shelf().root.parent).as_posix())}"
