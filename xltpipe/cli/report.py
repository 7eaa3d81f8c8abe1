"""`xltpipe report`: a run as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from xltpipe.cli import OK, Store_, shelf_of


def report(
    run: str,
    *,
    out: Path | None = None,
    rows: Annotated[int, Parameter(validator=Number(gte=0))] = 300,
    seed: int = 0,
    store: Store_ = None,
) -> int:
    """Write a run's report: one HTML file that needs nothing from outside.

    Shows the funnel, reasons, scores with their limits, labels and their drift, results, times,
    licences, and a sample of kept, rejected and quarantined rows to search and page through.
    Needs pip install "xltpipe[report]".

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    out
        The file to write; else reports/RUN.html in the data folder.
    rows
        List so many rows, some of every reason; the page says how many it leaves out.
    seed
        Another seed, another sample.
    """
    from rich.console import Console

    from xltpipe.catalogue import connect
    from xltpipe.cli import destination
    from xltpipe.reporting import charts
    from xltpipe.reporting.writing import write

    charts.check()
    if out is not None:
        destination.check(out)
    shelf = shelf_of(store)
    with connect(shelf) as connection:
        file = write(shelf, connection, run, out, rows, seed)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"wrote {file.absolute()} ({file.stat().st_size / 1e6:.2f} MB)", markup=False)
    return OK
