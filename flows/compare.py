"""compare: every cell of a recipe's matrix that is not recorded yet, then one table of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from flows.experiment import STRATEGIES
from flows.launch import Name, failed
from tasks import launched
from tasks.comparison import summarise
from tasks.confinement import confined
from tasks.datasets import leaks
from tasks.executors import Runner, executing
from tasks.recipes import chosen
from tasks.shelf import shelf
from tasks.showing import shown
from xltpipe.catalogue import refreshing
from xltpipe.compared import comparison
from xltpipe.compared.cells import Cell, Faults
from xltpipe.compared.comparison import Comparison
from xltpipe.errors import XltError
from xltpipe.recipe import Recipe
from xltpipe.runs import recording


@flow(name="compare", flow_run_name="compare {recipe.name}", persist_result=False)
def compare(recipe: Recipe) -> Comparison:
    """Each cell is a run of its own; they share what is common by the store, as all runs do."""
    launched.begin(f"compare {recipe.name}")
    confined(recipe)
    found = comparison.begin(shelf(), recipe)
    missing = found.missing
    get_run_logger().info("%d of %d cells to run", len(missing), len(found.cells))
    comparison.write(shelf(), found, "running")
    with refreshing(shelf()), shown(found.id), executing(recipe) as (sent, runner):
        for whole in _checked(recipe, missing):
            leaks(whole)
        for cell in missing:
            run(found, cell, sent, runner)
        summarise(found)
    return found


def _checked(recipe: Recipe, cells: Sequence[Cell]) -> list[Recipe]:
    """The recipe as its cells would have it: with all their strategies, by each of their
    projectors, whose aligners may have read the tests.
    """
    own = [cell.recipe for cell in cells if cell.recipe is not None]
    if not own or not recipe.tests:
        return []
    strategies = tuple(dict.fromkeys(s for one in own for s in one.strategies))
    projections = {str(one.projection.identity()): one.projection for one in own}
    return [
        recipe.model_copy(update={"strategies": strategies, "projection": projection})
        for projection in projections.values()
    ]


def run(found: Comparison, cell: Cell, sent: Recipe, runner: Runner) -> None:
    """One cell, recorded. A fault of its own does not keep the others from being run."""
    if cell.recipe is None:
        return
    own = cell.recipe.model_copy(update={"store": sent.store})
    (strategy,) = own.strategies
    try:
        with recording(shelf(), own):
            STRATEGIES[strategy].with_options(task_runner=runner)(own, cell.target)
    except Faults as error:
        found.faults[cell.label] = str(error)
        get_run_logger().error("%s: %s", cell.label, error)
    else:
        if not found.look(shelf(), cell):
            found.faults[cell.label] = "its run left no score for each of its tests"
            get_run_logger().error("%s: %s", cell.label, found.faults[cell.label])


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
