"""Score one shard, and judge it by its scores."""

from __future__ import annotations

from prefect import task

from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import scoring
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
from xltpipe.tools import Trained


@task(name="score", task_run_name="score {source}→{target} {shard.name}", **OPTIONS)
def score(recipe: Recipe, shard: Shard, aligners: list[Trained], source: str, target: str) -> Told:
    recipe = arrived(recipe)
    return told(make(scoring.score(recipe, shelf(), shard, aligners, (source, target))))


@task(name="judge", task_run_name="judge {shard.name}", **OPTIONS)
def judge(recipe: Recipe, shard: Shard, scores: Shard, choice: Shard | None, number: int) -> Told:
    recipe = arrived(recipe)
    return told(make(scoring.judge(recipe, shelf(), shard, scores, choice, number)))


@task(name="choose", task_run_name="choose among duplicates", **OPTIONS)
def choose(recipe: Recipe, units: list[Shard], scores: list[Shard]) -> Shard | None:
    """Which of equal rows stays; None where the recipe does not ask."""
    if recipe.quality.duplicates is None:
        return None
    groups = make(scoring.duplicates(recipe, shelf(), units))
    return make(scoring.choose(recipe, shelf(), groups, scores))
