"""Translate one shard."""

from __future__ import annotations

from prefect import task

from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(
    name="translate",
    task_run_name="translate {source}→{target} {shard.part}",
    **OPTIONS,
)
def translate(recipe: Recipe, shard: Shard, source: str, target: str) -> Told:
    recipe = arrived(recipe)
    return told(make(steps.translate(recipe, shelf(), shard, source, target)))
