"""Score and judge one shard."""

from __future__ import annotations

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(name="judge", task_run_name="judge {shard.name}", **OPTIONS)
def judge(recipe: Recipe, shard: Shard) -> Shard:
    return make(steps.judge(recipe, shelf(), shard))
