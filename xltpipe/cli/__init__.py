"""The front door: one command, `xltpipe`, with a verb for each thing a user wants to know or do.

Exit codes: 0 ok, 2 the recipe or the data is wrong, 1 something failed, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from xltpipe import __version__
from xltpipe.cli.functions import FUNCTIONS
from xltpipe.errors import DataError, MissingExtraError, RecipeError, XltError
from xltpipe.progress import Stopped
from xltpipe.veil import veiled

if TYPE_CHECKING:
    from xltpipe.store import Store

OK, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130

app = App(
    name="xltpipe",
    version=__version__,
    help="Labelled data, and models, in languages that have none.",
    suppress_keyboard_interrupt=False,  # `_main` tells what became of the work
)
recipes = App(name="recipe", help="Write recipes.")
app.command(recipes)
# by name: their modules are imported when the verb is used
app.command(
    "xltpipe.cli.comparing:app", name="compare", help="Set recipes, or methods, side by side."
)
app.command("xltpipe.cli.quality:app", name="quality", help="Preview and choose thresholds.")
app.command("xltpipe.cli.server:app", name="server", help="Keep a Prefect server for quick runs.")
app.command("xltpipe.cli.models:app", name="models", help="List, convert, verify models.")
for path, text in FUNCTIONS.items():
    app.command(path, name=path.partition(":")[2].replace("_", "-"), help=text)

Store_ = Annotated[
    str | None,
    Parameter(
        name="--store",
        help="Folder or address (s3://bucket/prefix) of the store (else XLTPIPE_DATA, else data/).",
    ),
]


@app.command
def plan(recipe: Path, *, store: Store_ = None) -> int:
    """Show what a run would do, what is done already, and how long the rest may take."""
    from xltpipe.cli import render
    from xltpipe.estimate import estimate
    from xltpipe.plan import plan as planned
    from xltpipe.recipe_file import load

    loaded, shelf = load(recipe), shelf_of(store)
    stages = planned(loaded, shelf)
    render.plan(loaded, stages, estimate(loaded, shelf, stages))
    return OK


@app.command
def run(
    recipe: Path,
    *,
    executor: Literal["threads", "dask", "ray"] | None = None,
    address: str | None = None,
    workers: int | None = None,
    store: Store_ = None,
    verbose: bool = False,
    confined: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Run a recipe; what is on the shelf already is not done again.

    Parameters
    ----------
    recipe
        The recipe's TOML file.
    executor
        Where shards are worked on (else as the recipe says): in this process, or in others.
    address
        A Dask scheduler or Ray cluster that is there, instead of one started for the run.
    workers
        Shards under way at once, and processes to start with dask or ray.
    confined
        For a recipe that somebody else wrote: it may read files in its own folder only, start no
        programs of its own and reach no server (SECURITY.md).
    verbose
        Show the log of the run instead of progress bars.
    """
    from xltpipe.cli.environment import early

    log = data(store) / "store" / "server.log"
    with early(
        recipe, where(store), log, verbose=verbose
    ):  # first of all: the rest loads meanwhile
        from xltpipe.cli.running import confine, execute
        from xltpipe.recipe_file import load, with_settings

        chosen = {"executor": executor, "address": address, "workers": workers}
        loaded = with_settings(load(recipe), {k: v for k, v in chosen.items() if v is not None})
        confine(loaded, itself=confined)
        return execute(loaded, where(store), verbose=verbose)


@app.command
def show(run: str, *, rows: int = 5, seed: int = 0, store: Store_ = None) -> int:
    """Show a run: scores, rejected rows by reason, its models, sampled pairs with coloured spans.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    rows
        Number of pairs to sample.
    seed
        Another seed, another sample.
    """
    from xltpipe.catalogue import connect
    from xltpipe.cli import render

    shelf = shelf_of(store)
    with connect(shelf) as connection:
        render.run(connection, shelf, run, rows, seed)
    return OK


@app.command
def runs(*, store: Store_ = None) -> int:
    """List all runs."""
    from xltpipe.catalogue import query as ask
    from xltpipe.cli import render

    render.table(
        ask(
            shelf_of(store),
            "SELECT run, state, started, ended, error FROM runs ORDER BY started",
        )
    )
    return OK


@app.command
def query(sql: str, *, seconds: float = 600.0, store: Store_ = None) -> int:
    """Ask the catalogue in SQL (read-only): runs, shards, results, units, kept, rejected, spans…

    Parameters
    ----------
    sql
        One SELECT. It reads the catalogue and nothing else, in bounded memory.
    seconds
        The longest that it may take.
    """
    from xltpipe.catalogue import query as ask
    from xltpipe.cli import render

    render.table(ask(shelf_of(store), sql, seconds))
    return OK


@recipes.command
def new(name: str, *, folder: Path = Path()) -> int:
    """Write a commented recipe to start from.

    Parameters
    ----------
    name
        The recipe's name: lower-case letters, digits, dot, dash.
    folder
        Where to write NAME.toml.
    """
    from xltpipe.cli.template import write

    Console().print(f"wrote {write(name, folder)}", markup=False)
    return OK


def where(chosen: str | Path | None) -> str:
    """The data folder or its address: the option, else the environment, else data/ here."""
    if chosen is not None:
        return str(chosen)
    named = os.environ.get("XLTPIPE_DATA")
    if named:
        return named
    checkout = Path(__file__).parents[2]
    return str((checkout if (checkout / "flows").is_dir() else Path.cwd()) / "data")


def data(chosen: str | Path | None) -> Path:
    """The data folder on this machine: of an address, where its working copy lies."""
    from xltpipe.addresses import cache_folder, home, is_address

    named = where(chosen)
    return home(named, cache_folder(os.environ)) if is_address(named) else Path(named)


def shelf_of(chosen: str | Path | None) -> Store:
    """The store of a data folder or address."""
    from xltpipe.addresses import cache_folder
    from xltpipe.mirrored import open_store

    return open_store(where(chosen), cache_folder(os.environ))


def main() -> None:
    """Run the command line; every expected fault is one message and an exit code."""
    sys.exit(_main(sys.argv[1:]))


def _main(arguments: list[str]) -> int:
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        errors.print(f"error: {veiled(str(error))}", style="red", markup=False)
        return WRONG
    except (RecipeError, DataError, MissingExtraError) as error:
        errors.print(f"error: {veiled(str(error))}", style="red", markup=False)
        return WRONG
    except XltError as error:
        errors.print(f"error: {veiled(str(error))}", style="red", markup=False)
        return FAILED
    except Exception as error:
        if os.environ.get("XLTPIPE_DEBUG"):
            raise
        errors.print(_unforeseen(error), style="red", markup=False)
        return FAILED
    except (KeyboardInterrupt, Stopped):
        errors.print("interrupted: what is complete is kept; the same command goes on from there")
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def _unforeseen(error: Exception) -> str:
    """The words for an error that nobody raised on purpose."""
    from xltpipe.machine import lack, told

    if what := lack(error):
        return f"error: {told(error, what)}; what is complete is kept, the same command goes on"
    return (
        f"failed: {type(error).__name__}: {veiled(str(error))}\nThis is a fault of xltpipe or of "
        "something under it; XLTPIPE_DEBUG=1 shows where. What is complete is kept."
    )
