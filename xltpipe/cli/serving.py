"""`xltpipe serve`, `deploy`, `watch`: runs that a browser, the clock or new data start."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console

from xltpipe.cli import OK, WRONG, Store_, shelf_of, where
from xltpipe.cli.environment import settle
from xltpipe.cli.running import check_flows
from xltpipe.errors import RecipeError, XltError
from xltpipe.revisions import SETTLE, due, settled
from xltpipe.veil import veiled

File_ = Path | None
Positive_ = Annotated[float, Parameter(validator=Number(gt=0))]

console = Console(stderr=True, highlight=False, soft_wrap=True)


def serve(
    *names: str,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    port: int = 4200,
    file: File_ = None,
    store: Store_ = None,
) -> int:
    """Serve the deployments of prefect.yaml from this process until Ctrl-C.

    Parameters
    ----------
    names
        Some of them; without names all that need no container.
    limit
        Runs at once; another waits.
    port
        Of the server to start where none is configured.
    file
        Another file of deployments than the checkout's prefect.yaml.
    """
    settle(where(store), verbose=True)
    check_flows()
    _point_to_server(port)
    from flows.deployments import FILE, read
    from flows.deployments import serve as served

    served(read(file or FILE).served(names), limit)
    return OK


def deploy(*names: str, pool: str | None = None, file: File_ = None, store: Store_ = None) -> int:
    """Hand the deployments of prefect.yaml to their work pools, which are made where missing.

    Parameters
    ----------
    names
        Some of them; without names all.
    pool
        Only those of this work pool.
    file
        Another file of deployments than the checkout's prefect.yaml.
    """
    settle(where(store), verbose=True)
    check_flows()
    if not _configured():
        raise RecipeError(
            "Prefect server must be configured, was: none; set PREFECT_API_URL to where workers "
            "look for work, or use xltpipe serve, which needs neither server nor worker"
        )
    from flows.deployments import FILE, read
    from flows.deployments import deploy as deployed

    known = read(file or FILE)
    for line in deployed(known.named(names, pool), known.pools):
        console.print(f"deployed {line}", markup=False)
    return OK


def watch(
    *recipes: Path,
    every: Positive_ = 60.0,
    settle: Annotated[float, Parameter(validator=Number(gte=0))] = SETTLE,
    once: bool = False,
    store: Store_ = None,
) -> int:
    """Run recipes whenever their data, or they themselves, have a new revision, until Ctrl-C.

    Only what is new is worked on: blocks of rows that were there before are on the shelf.

    Parameters
    ----------
    recipes
        TOML files.
    every
        Seconds between two looks.
    settle
        Seconds in which the data must not change: a file that is being written is left for later.
    once
        Look once; ends with the exit code of the last run that was needed.
    """
    if not recipes:
        raise RecipeError("Recipes to watch must be named, was: none")
    check_flows()
    home = where(store)
    code = OK
    while True:
        for recipe in recipes:
            code = _looked(recipe, home, settle) or code
        if once or code == 130:
            return code
        time.sleep(every)


def _looked(path: Path, home: str, seconds: float) -> int:
    """Run the recipe if it is due; the exit code. A fault is told, and the watch goes on."""
    from xltpipe.recipe_file import load

    try:
        why = due(shelf_of(home), load(path))
        if why is None:
            return OK
        console.print(f"{path}: {why}", markup=False)
        if settled(lambda: load(path), seconds) is None:
            console.print(f"{path}: still changing, left for the next look", markup=False)
            return OK
    except XltError as error:
        console.print(f"{path}: error: {error}", style="red", markup=False)
        return WRONG
    # a process of its own for each run: nothing is left of the one before
    command = [sys.executable, "-c", "from xltpipe.cli import main; main()", "run", str(path)]
    return subprocess.run([*command, "--store", home], check=False).returncode  # noqa: S603


def _configured() -> str | None:
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def _point_to_server(port: int) -> None:
    """At the configured Prefect server, else at the kept one, which is started if need be."""
    url = _configured()
    if url:
        console.print(f"serving on the Prefect server {veiled(url)}", markup=False)
        return
    from prefect.context import refresh_global_settings_context

    from tasks import kept

    server = kept.find() or kept.start(port)
    os.environ["PREFECT_API_URL"] = server.url
    refresh_global_settings_context()
    console.print(
        f"Prefect server: {server.page}; it stays until `xltpipe server stop`", markup=False
    )
