"""`xltpipe compare`: a matrix of recipes, and beside it the projectors of one."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from xltpipe.cli import Store_, data, shelf_of, where

app = App(name="compare")


@app.default
def matrix(
    recipe: Path,
    *,
    plan: Annotated[bool, Parameter(negative=())] = False,
    html: Path | None = None,
    json: Path | None = None,
    workers: int | None = None,
    store: Store_ = None,
    verbose: bool = False,
    confined: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Run a recipe's matrix as far as it is not recorded; one table and one page of all cells.

    What varies stands under [matrix] in the recipe: languages, strategies, projectors, filters,
    trainers, seeds. Each cell is a run of its own. Ends with 1 if a cell failed.

    Parameters
    ----------
    recipe
        The recipe's TOML file.
    plan
        List the cells, and what of them is recorded already; run nothing.
    html
        Where to write the page (else reports/COMPARISON.html in the data folder).
    json
        Write everything to this file, for programs.
    workers
        Shards under way at once.
    verbose
        Show the log of the runs instead of progress bars.
    confined
        For a recipe that somebody else wrote (see `xltpipe run`).
    """
    from xltpipe.cli.environment import early

    log = data(store) / "store" / "server.log"
    with nullcontext() if plan else early(recipe, where(store), log, verbose=verbose):
        from xltpipe.cli import matrix as compared
        from xltpipe.cli.running import confine
        from xltpipe.recipe_file import load, with_settings

        loaded = with_settings(load(recipe), {} if workers is None else {"workers": workers})
        confine(loaded, itself=confined)
        if plan:
            return compared.show_plan(loaded, shelf_of(store))
        return compared.execute(loaded, where(store), html=html, json_file=json, verbose=verbose)


@app.command
def projections(
    recipe: Path,
    *,
    errors: str | None = None,
    rows: int = 5,
    html: Path | None = None,
    cases: int = 500,
    json: Path | None = None,
    store: Store_ = None,
) -> int:
    """Compare projectors on a recipe's training data: beside gold labels, or with each other.

    What is compared stands under [compare] in the recipe; without it, the recipe's own projection
    and others that suit its engine. Ends with 1 if a method failed; the others are shown.

    Parameters
    ----------
    recipe
        The recipe's TOML file.
    errors
        List rows with this kind of error (any, lost, clipped, too_wide, …), methods side by side.
    rows
        How many rows to list.
    html
        Write one self-contained page with the tables and the error cases.
    cases
        The page shows at most so many cases per language and says how many it leaves out.
    json
        Write everything to this file, for programs.
    """
    from xltpipe.cli.compare import projections as compared
    from xltpipe.recipe_file import load

    return compared(
        load(recipe),
        shelf_of(store),
        errors=errors,
        rows=rows,
        html=html,
        cases=cases,
        json_file=json,
    )
