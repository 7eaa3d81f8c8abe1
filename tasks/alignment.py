"""Choose and train the aligners of a run."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import progress, tools
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
from xltpipe.tools import Trained


@task(name="align", task_run_name="align {source}→{target}", **OPTIONS)
def align(
    recipe: Recipe, units: list[Shard], source: str, target: str, *, scored: bool = False
) -> list[Trained]:
    """The aligners that projector and scorers need, with the artefacts of the trained ones."""
    out = []
    rows = sum(shard.rows for shard in units)
    for wanted in tools.aligners(recipe, rows, target, scored=scored):
        needed = wanted
        if wanted.spec.trained:
            pair = (source, target)
            made = make(tools.align(shelf(), wanted.spec, units, pair, recipe.reuse_aligner))
            needed = tools.aligned(wanted, shelf(), made)
        progress.note(f"aligner {source}→{target}: {needed.told}")
        get_run_logger().info("aligner: %s", needed.told)
        out.append(needed)
    return out
