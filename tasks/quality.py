"""Score shards, and judge them by their scores."""

from __future__ import annotations

from prefect import task

from tasks.batches import make_each
from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.projection import aligned
from tasks.shelf import make, make_quietly, shelf
from xltpipe import scoring
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Step
from xltpipe.tools import Trained


@task(name="score", task_run_name="score {source}→{target}, {part}", **OPTIONS)
def score(
    recipe: Recipe,
    shards: list[Shard],
    aligners: list[Trained],
    source: str,
    target: str,
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    return aligned(scoring.score, recipe, shards, aligners, (source, target))


@task(name="judge", task_run_name="judge {recipe.source}→{target}, {part}", **OPTIONS)
def judge(
    recipe: Recipe,
    shards: list[Shard],
    scores: list[Shard],
    choice: Shard | None,
    numbers: list[int],
    target: str,  # noqa: ARG001 - in the name
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    recipe = arrived(recipe)

    def step(given: tuple[Shard, Shard, int]) -> Step:
        shard, of, number = given
        return scoring.judge(recipe, shelf(), shard, of, choice, number)

    return told(make_each(list(zip(shards, scores, numbers, strict=True)), step))


@task(name="choose", task_run_name="choose among duplicates", **OPTIONS)
def choose(recipe: Recipe, units: list[Shard], scores: list[Shard]) -> Shard | None:
    """Which of equal rows stays; None where the recipe does not ask."""
    if recipe.quality.duplicates is None:
        return None
    marks = [make_quietly(scoring.marks(recipe, shelf(), s), again=False) for s in units]
    groups = make(scoring.duplicates(recipe, shelf(), marks))
    return make(scoring.choose(recipe, shelf(), groups, scores))
