"""Choose and train the aligner of a run."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import progress, steps
from xltpipe.alignment import AlignerSpec
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(name="align", task_run_name="align {source}→{target}", **OPTIONS)
def align(
    recipe: Recipe, units: list[Shard], source: str, target: str
) -> tuple[AlignerSpec | None, Shard | None]:
    """The aligner's settings and, where it is trained, its artefact."""
    spec, why = steps.aligner(recipe, sum(shard.rows for shard in units), target)
    if spec is None:
        return None, None
    progress.note(f"aligner {source}→{target}: {why}")
    get_run_logger().info("aligner: %s", why)
    if not spec.trained:
        return spec, None
    return spec, make(steps.align(shelf(), spec, units, (source, target)))
