"""Carry the labels of shards over."""

from __future__ import annotations

from prefect import task

from tasks.batches import make_each
from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
from xltpipe.tools import Trained


@task(
    name="project",
    task_run_name="project {source}→{target}, {part}",
    **OPTIONS,
)
def project(
    recipe: Recipe,
    shards: list[Shard],
    aligners: list[Trained],
    source: str,
    target: str,
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    recipe, pair = arrived(recipe), (source, target)
    return told(
        make_each(shards, lambda shard: steps.project(recipe, shelf(), shard, aligners, pair))
    )


@task(name="switch", task_run_name="switch {source}→{target}, {part}", **OPTIONS)
def switch(
    recipe: Recipe,
    shards: list[Shard],
    aligners: list[Trained],
    source: str,
    target: str,
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    """Code-switch the kept rows of judged shards."""
    recipe, pair = arrived(recipe), (source, target)
    return told(
        make_each(shards, lambda shard: steps.switched(recipe, shelf(), shard, aligners, pair))
    )
