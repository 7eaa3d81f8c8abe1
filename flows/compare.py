"""compare: every cell of a recipe's matrix that is not recorded yet, then one table of all."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows.cells import run_each
from flows.launch import Name, failed
from tasks import launched
from tasks.comparison import summarise
from tasks.confinement import confined
from tasks.datasets import leaks
from tasks.recipes import chosen
from tasks.shelf import shelf
from tasks.showing import shown
from xltpipe.catalogue import refreshing
from xltpipe.compared import comparison
from xltpipe.compared.comparison import Comparison
from xltpipe.errors import XltError
from xltpipe.leaks import together
from xltpipe.recipe import Recipe


@flow(name="compare", flow_run_name="compare {recipe.name}", persist_result=False)
def compare(recipe: Recipe) -> Comparison:
    """Each cell is a run of its own; they share what is common by the store, as all runs do."""
    launched.begin(f"compare {recipe.name}")
    confined(recipe)
    found = comparison.begin(shelf(), recipe)
    missing = found.missing
    get_run_logger().info("%d of %d cells to run", len(missing), len(found.cells))
    comparison.write(shelf(), found, "running")
    with refreshing(shelf()), shown(found.id):
        for whole in together([cell.recipe for cell in found.cells if cell.recipe is not None]):
            found.leaks |= dict.fromkeys(leaks(whole))
        _run(found)
        summarise(found)
    return found


def _run(found: Comparison) -> None:
    """Run the cells that are missing, and look at what each has recorded."""
    missing = [(cell, cell.recipe) for cell in found.missing if cell.recipe is not None]
    own = [(recipe, cell.target) for cell, recipe in missing]
    faults = run_each(found.recipe, own, found.matrix.at_once)
    for (cell, _), fault in zip(missing, faults, strict=True):
        told = fault
        if told is None and not found.look(shelf(), cell):
            told = "its run left no score for each of its tests"
        if told is not None:
            found.faults[cell.label] = told
            get_run_logger().error("%s: %s", cell.label, told)


@flow(name="launch-comparison", flow_run_name="compare {recipe}", persist_result=False)
def launch_comparison(recipe: Name) -> State[Any] | None:
    """Run a recipe's matrix as far as it is not recorded; one table of all its cells.

    Args:
        recipe: A recipe by name, below the folder of recipes.
    """
    try:
        shelf().sweep()
        compare(chosen(recipe, None, None, None, {}))
    except XltError as error:
        return failed(error)
    return None
