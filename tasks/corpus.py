"""Materialise the kept rows of a run as a corpus."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import corpus, steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
from xltpipe.tools import Trained


@task(
    name="materialise",
    task_run_name="materialise {target} {split}",
    **OPTIONS,
)
def materialise(
    recipe: Recipe, judged: list[Shard], target: str, split: str, aligners: list[Trained]
) -> list[Shard]:
    """The shards of the corpus, which is published under the run's name."""
    for shard in judged:
        make(corpus.keep(shelf(), shard))
    made = make(corpus.materialise(recipe, shelf(), judged, target, split))
    folder = corpus.publish(shelf(), made, recipe, target, split, aligners)
    get_run_logger().info("corpus: %s", folder)
    return steps.parts(shelf(), made)
