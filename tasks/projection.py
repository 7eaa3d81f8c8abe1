"""Carry the labels of one shard over."""

from __future__ import annotations

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import each, make, shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step
from xltpipe.tools import Trained


@task(
    name="project",
    task_run_name="project {source}→{target} {shard.name}",
    **OPTIONS,
)
def project(
    recipe: Recipe,
    shard: Shard,
    aligners: list[Trained],
    source: str,
    target: str,
) -> Shard:
    return make(steps.project(recipe, shelf(), shard, aligners, (source, target)))


def projected(
    recipe: Recipe, shards: list[Shard], aligners: list[Trained], source: str, target: str
) -> list[Shard]:
    """All shards; those on the shelf need no task."""

    def step(
        recipe: Recipe, shard: Shard, aligners: list[Trained], source: str, target: str
    ) -> Step:
        return steps.project(recipe, shelf(), shard, aligners, (source, target))

    inputs = [(recipe, shard, aligners, source, target) for shard in shards]
    return each(project, step, inputs)
