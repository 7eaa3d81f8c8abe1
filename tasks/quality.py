"""Score one shard, and judge it by its scores."""

from __future__ import annotations

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import each, make, shelf
from xltpipe import scoring
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step
from xltpipe.tools import Trained


@task(name="score", task_run_name="score {source}→{target} {shard.name}", **OPTIONS)
def score(recipe: Recipe, shard: Shard, aligners: list[Trained], source: str, target: str) -> Shard:
    return make(scoring.score(recipe, shelf(), shard, aligners, (source, target)))


@task(name="judge", task_run_name="judge {shard.name}", **OPTIONS)
def judge(recipe: Recipe, shard: Shard, scores: Shard, choice: Shard | None, number: int) -> Shard:
    return make(scoring.judge(recipe, shelf(), shard, scores, choice, number))


@task(name="choose", task_run_name="choose among duplicates", **OPTIONS)
def choose(recipe: Recipe, units: list[Shard], scores: list[Shard]) -> Shard | None:
    """Which of equal rows stays; None where the recipe does not ask."""
    if recipe.quality.duplicates is None:
        return None
    marks = [make(scoring.marks(recipe, shelf(), shard)) for shard in units]
    groups = make(scoring.duplicates(recipe, shelf(), marks))
    return make(scoring.choose(recipe, shelf(), groups, scores))


def scored(
    recipe: Recipe, shards: list[Shard], aligners: list[Trained], source: str, target: str
) -> list[Shard]:
    """The scores of all shards; those on the shelf need no task."""

    def step(
        recipe: Recipe, shard: Shard, aligners: list[Trained], source: str, target: str
    ) -> Step:
        return scoring.score(recipe, shelf(), shard, aligners, (source, target))

    inputs = [(recipe, shard, aligners, source, target) for shard in shards]
    return each(score, step, inputs)


def judged(
    recipe: Recipe, shards: list[Shard], scores: list[Shard], choice: Shard | None
) -> list[Shard]:
    """All shards, judged; those on the shelf need no task."""

    def step(
        recipe: Recipe, shard: Shard, scores: Shard, choice: Shard | None, number: int
    ) -> Step:
        return scoring.judge(recipe, shelf(), shard, scores, choice, number)

    pairs = zip(shards, scores, strict=True)
    return each(judge, step, [(recipe, *pair, choice, n) for n, pair in enumerate(pairs)])
