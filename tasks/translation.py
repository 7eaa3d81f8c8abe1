"""Translate shards."""

from __future__ import annotations

from prefect import task

from tasks.batches import make_each
from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(
    name="translate",
    task_run_name="translate {source}→{target}, {part}",
    **OPTIONS,
)
def translate(
    recipe: Recipe,
    shards: list[Shard],
    source: str,
    target: str,
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    recipe = arrived(recipe)
    return told(
        make_each(shards, lambda shard: steps.translate(recipe, shelf(), shard, source, target))
    )
