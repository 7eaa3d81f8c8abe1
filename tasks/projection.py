"""Carry the labels of one shard over."""

from __future__ import annotations

from prefect import task

from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
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
) -> Told:
    recipe = arrived(recipe)
    return told(make(steps.project(recipe, shelf(), shard, aligners, (source, target))))
