"""Comparing from the terminal: progress while it works, then tables, cases and files."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from pathlib import Path

from rich.console import Console

from xltpipe import progress
from xltpipe.cli import comparison_tables, destination
from xltpipe.cli.page import page
from xltpipe.cli.running import Bars
from xltpipe.comparison import compare
from xltpipe.comparison.document import document
from xltpipe.durable import write_whole
from xltpipe.errors import RecipeError
from xltpipe.evaluation.projection_agreement import AGREEMENT_KINDS
from xltpipe.evaluation.projection_errors import KINDS
from xltpipe.recipe import Recipe
from xltpipe.store import Store

ANY = "any"


def projections(
    recipe: Recipe,
    store: Store,
    *,
    errors: str | None,
    rows: int,
    html: Path | None,
    cases: int,
    json_file: Path | None,
) -> int:
    """Compare, print and write; 1 if a method failed, else 0.

    Raises:
        RecipeError: the kind of error is unknown, or a file cannot be written there.
    """
    known = [ANY, *dict.fromkeys((*KINDS, *AGREEMENT_KINDS))]
    if errors is not None and errors not in known:
        raise RecipeError(f"Errors must be one of {', '.join(known)}, was: {errors!r}")
    for file in (html, json_file):
        if file is not None:
            destination.check(file)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with Bars(console) if sys.stderr.isatty() else nullcontext():
        found = compare(recipe, store)
    for note in progress.notes:
        console.print(f"note: {note}", markup=False)
    comparison_tables.comparison(found)
    if errors is not None:
        comparison_tables.errors(found, None if errors == ANY else errors, rows)
    if json_file is not None:
        text = json.dumps(document(found), ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(json_file, text + "\n")
        console.print(f"wrote {json_file}", markup=False)
    if html is not None:
        write_whole(html, page(found, cases))
        console.print(f"wrote {html}", markup=False)
    return int(found.failed)
