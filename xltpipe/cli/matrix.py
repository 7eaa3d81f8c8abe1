"""Comparing a matrix of recipes from the terminal: run what is missing, one table, one page."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from xltpipe import progress, steps
from xltpipe.addresses import cache_folder
from xltpipe.cli import destination, matrix_tables, render
from xltpipe.cli.environment import settle
from xltpipe.cli.matrix_page import page
from xltpipe.cli.running import conduct, look_up_secrets
from xltpipe.compared import comparison
from xltpipe.compared.comparison import Comparison, document
from xltpipe.compared.summary import Row
from xltpipe.durable import write_whole
from xltpipe.leak import Leak, demand, read
from xltpipe.leaks import together
from xltpipe.mirrored import open_store
from xltpipe.recipe import Recipe
from xltpipe.store import Store


def show_plan(recipe: Recipe, store: Store) -> int:
    """Print the cells, and which of them are recorded, missing, or cannot run."""
    found = comparison.begin(store, recipe)
    matrix_tables.plan(found)
    _notes()
    return 0


def execute(
    recipe: Recipe, data: str, *, html: Path | None, json_file: Path | None, verbose: bool
) -> int:
    """Run what is missing, print and write; 1 if a cell failed, else 0.

    Raises:
        RecipeError: a name is wrong, no cell can run, a file cannot be written there, or there is a
            leak and the recipe is strict.
    """
    settle(data, verbose=verbose)
    look_up_secrets()
    store = open_store(data, cache_folder(os.environ))
    for file in (html, json_file):
        if file is not None:
            destination.check(file)
    planned = comparison.begin(store, recipe)  # faults are told before Prefect starts
    if planned.missing:
        found, seconds = _run(recipe, store, planned, verbose=verbose)
    else:
        found, seconds = planned, None
        found.leaks = _leaks(store, found)
    rows = found.rows(store)
    if seconds is None:
        _keep(store, found, rows)
        _notes()
    _tell(found, rows, seconds)
    file = html or store.root.parent / "reports" / f"{found.id}.html"
    if html is None:
        file.parent.mkdir(exist_ok=True)
    write_whole(file, page(found, rows))
    render.console.print(f"page: {file}", markup=False)
    if json_file is not None:
        told = document(found, "failed" if found.faults else "completed", rows)
        text = json.dumps(told, ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(json_file, text + "\n")
        render.console.print(f"wrote {json_file}", markup=False)
    return int(bool(found.faults))


def _notes() -> None:
    for note in progress.notes:
        Console(stderr=True, soft_wrap=True).print(f"note: {note}", markup=False)


def _leaks(store: Store, found: Comparison) -> dict[Leak, None]:
    """What the cells had seen of their tests, where no flow runs that would say so.

    Raises:
        RecipeError: there is any, and the recipe is strict.
    """
    roots = None
    if find_spec("tasks") is not None:  # which the wheel lacks
        from tasks.confinement import allowed

        roots = allowed()
    leaks: dict[Leak, None] = {}
    for whole in together([cell.recipe for cell in found.cells if cell.recipe is not None]):
        seen = read(store.path(store.make(steps.leaks(whole, roots))[0]))
        demand(seen, strict=whole.strict)
        leaks |= dict.fromkeys(seen.leaks)
    return leaks


def _run(
    recipe: Recipe, store: Store, planned: Comparison, *, verbose: bool
) -> tuple[Comparison, float]:
    made: list[Comparison] = []

    def flow() -> Callable[[], object]:
        from flows.compare import compare

        return lambda: made.append(compare(recipe))

    seconds = conduct(planned.id, store, flow, verbose=verbose)
    return made[0], seconds


def _keep(store: Store, found: Comparison, rows: list[Row]) -> None:
    """Nothing had to run; what is compared may be new all the same."""
    from xltpipe.catalogue import refresh

    comparison.write(store, found, "completed", rows)
    refresh(store)


def _tell(found: Comparison, rows: list[Row], seconds: float | None) -> None:
    matrix_tables.table(found, rows)
    say = render.console.print
    total, ran = len(found.cells), len(found.found) - found.taken
    undone = sum(map(len, found.undone.values()))
    say(
        f"{found.id}: {total} cells, {found.taken} recorded before, {ran} run now, "
        f"{undone} not run",
        markup=False,
    )
    if seconds is not None:
        made, reused = progress.made.total(), progress.reused.total()
        steps = ", ".join(f"{stage} {n}" for stage, n in progress.made.items())
        say(
            f"made {made} artefacts ({steps}), took {reused} from the shelf, "
            f"in {render.duration(seconds)}",
            markup=False,
        )
