"""cells: the runs of a comparison, one after another, or some at once in processes of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.task_runners import ThreadPoolTaskRunner

from flows.experiment import STRATEGIES
from tasks.executors import Runner, executing, processes
from tasks.shelf import shelf
from xltpipe import progress
from xltpipe.compared.cells import Faults
from xltpipe.recipe import Recipe
from xltpipe.runs import recording


@dataclass(frozen=True, slots=True)
class Told:
    """What a cell failed with, if it did, and what happened in the process that ran it."""

    fault: str | None
    news: progress.News


def run_each(
    recipe: Recipe, cells: Sequence[tuple[Recipe, str]], at_once: int
) -> Iterator[str | None]:
    """Run each cell, a recipe in one language; what it failed with or None, in their order.

    A fault of its own does not keep the others from being run.

    Raises:
        Exception: what another try, or nothing, would mend; cells under way are finished first.
    """
    if min(at_once, len(cells)) < 2:
        with executing(recipe) as (sent, runner):
            for own, target in cells:
                yield _run(own.model_copy(update={"store": sent.store}), target, runner)
        return
    # threads would not do: what trainers draw by chance is drawn for a whole process
    share = {"workers": max(1, recipe.workers // at_once)}
    with processes(min(at_once, len(cells)), recipe.run) as pool:
        futures = [
            pool.submit(cell, {"recipe": own.model_copy(update=share), "target": target})
            for own, target in cells
        ]
        for future in futures:
            told: Told = future.result()
            progress.hear(told.news)
            yield told.fault


@task(name="cell", task_run_name="{recipe.name}", cache_policy=NO_CACHE, persist_result=False)
def cell(recipe: Recipe, target: str) -> Told:
    """One cell in this process. Its own tasks are tried again, the whole is not."""
    runner: Runner = ThreadPoolTaskRunner(max_workers=recipe.workers)
    fault = _run(recipe, target, runner)
    return Told(fault, progress.news())


def _run(recipe: Recipe, target: str, runner: Runner) -> str | None:
    """Run and record; the fault that it met."""
    (strategy,) = recipe.strategies
    try:
        with recording(shelf(), recipe):
            STRATEGIES[strategy].with_options(task_runner=runner)(recipe, target)
    except Faults as error:
        return str(error)
    return None
