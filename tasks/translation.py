"""Translate one shard."""

from __future__ import annotations

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import each, make, shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step


@task(
    name="translate",
    task_run_name="translate {source}→{target} {shard.part}",
    **OPTIONS,
)
def translate(recipe: Recipe, shard: Shard, source: str, target: str) -> Shard:
    return make(steps.translate(recipe, shelf(), shard, source, target))


def translated(recipe: Recipe, shards: list[Shard], source: str, target: str) -> list[Shard]:
    """All shards; those on the shelf need no task."""

    def step(recipe: Recipe, shard: Shard, source: str, target: str) -> Step:
        return steps.translate(recipe, shelf(), shard, source, target)

    return each(translate, step, [(recipe, shard, source, target) for shard in shards])
