"""Read a source of data into shards."""

from __future__ import annotations

from prefect import task

from tasks.confinement import allowed
from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import steps
from xltpipe.datasets import SourceSpec
from xltpipe.leak import Leak, demand
from xltpipe.leak import read as found
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@task(name="read", task_run_name="read {lang}", **OPTIONS)
def read(recipe: Recipe, source: SourceSpec, lang: str) -> list[Shard]:
    """The shards of a source, each known by its content."""
    return steps.parts(shelf(), make(steps.read(recipe, source, lang)))


@task(name="leaks", task_run_name="leaks", **OPTIONS)
def leaks(recipe: Recipe) -> tuple[Leak, ...]:
    """Tell, or where the recipe is strict refuse, tests that something in it has seen before."""
    seen = found(shelf().path(make(steps.leaks(recipe, allowed()))))
    demand(seen, strict=recipe.strict)
    return seen.leaks
