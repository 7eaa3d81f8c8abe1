"""Carry the labels of shards over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prefect import task

from tasks.batches import make_each
from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import shelf
from xltpipe import steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step, Store
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
    return aligned(steps.project, recipe, shards, aligners, (source, target))


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
    return aligned(steps.switched, recipe, shards, aligners, (source, target))


Aligned = Callable[[Recipe, Store, Shard, Sequence[Trained], tuple[str, str]], Step]
"""The step of one shard that needs aligners of a pair of languages."""


def aligned(
    step_of: Aligned,
    recipe: Recipe,
    shards: list[Shard],
    aligners: list[Trained],
    pair: tuple[str, str],
) -> Told:
    """Make the step of each shard of a task."""
    recipe = arrived(recipe)
    return told(make_each(shards, lambda shard: step_of(recipe, shelf(), shard, aligners, pair)))
