"""Show the essentials of a run where Prefect shows the run."""

from __future__ import annotations

import re

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from tasks.options import OPTIONS
from tasks.shelf import shelf
from xltpipe.card import run_folder
from xltpipe.catalogue import connect
from xltpipe.reporting import summary
from xltpipe.reporting.findings import essentials


@task(name="report", task_run_name="report {run}", **OPTIONS)
def report(run: str) -> None:
    """The funnel and scores as Markdown, reasons and scores as tables, links to the files."""
    with connect(shelf()) as catalogue:
        found = essentials(shelf(), catalogue, run)
    create_markdown_artifact(summary.markdown(found), key=key(run, "summary"))
    for name, rows in (("reasons", summary.reasons(found)), ("results", summary.results(found))):
        if rows:
            create_table_artifact(rows, key=key(run, name), description=f"{name} of {run}")
    corpus = shelf().root / run_folder(run)
    if corpus.is_dir():
        link = f"{shelf().address}/{run_folder(run)}" if shelf().shared else corpus.as_uri()
        create_link_artifact(link, key=key(run, "corpus"), description=f"corpus of {run}")
    page = shelf().root.parent / "reports" / f"{run}.html"
    create_link_artifact(
        page.as_uri(),
        key=key(run, "report"),
        description=f"`xltpipe report {run}` writes this page",
    )


def key(run: str, what: str) -> str:
    """Prefect's keys hold lower-case letters, digits and dashes; a run's id may hold more."""
    return re.sub(r"[^a-z0-9]+", "-", f"{run}-{what}")
