"""Carry the labels of one shard over."""

from __future__ import annotations

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import steps
from xltpipe.alignment import AlignerSpec
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(
    name="project",
    task_run_name="project {source}→{target} {shard.name}",
    **OPTIONS,
)
def project(
    recipe: Recipe,
    shard: Shard,
    aligner: tuple[AlignerSpec | None, Shard | None],
    source: str,
    target: str,
) -> Shard:
    return make(steps.project(recipe, shelf(), shard, *aligner, (source, target)))
