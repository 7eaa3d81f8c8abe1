"""Train a tagger, predict with it, score it."""

from __future__ import annotations

from prefect import task
from prefect.logging import get_run_logger

from tasks.batches import make_each
from tasks.elsewhere import Told, arrived, told
from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe import evaluating, learning
from xltpipe.learning import Portion
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Test
from xltpipe.store import Shard, Step


@task(name="train", task_run_name="train {lang}", **OPTIONS)
def train(
    recipe: Recipe,
    data: list[Portion],
    dev: list[Portion],
    lang: str,  # noqa: ARG001 - in the name
    earlier: Shard | None = None,
) -> Shard:
    return make(learning.train(recipe, shelf(), data, dev, earlier))


@task(name="predict", task_run_name="predict {recipe.source}, {part}", **OPTIONS)
def predict_translated(
    recipe: Recipe,
    shards: list[Shard],
    tagger: Shard,
    part: str,  # noqa: ARG001 - in the name
) -> Told:
    recipe = arrived(recipe)
    return told(
        make_each(
            shards, lambda shard: evaluating.predict_translated(recipe, shelf(), shard, tagger)
        )
    )


@task(
    name="evaluate",
    task_run_name="evaluate {strategy} on {test.lang} {test.name}",
    **OPTIONS,
)
def evaluate(
    recipe: Recipe,
    strategy: str,
    test: Test,
    gold: list[Shard],
    tagger: Shard,
    further: dict[str, str],
) -> Shard:
    return _scored(evaluating.evaluate(recipe, shelf(), strategy, test, gold, tagger, further))


@task(
    name="evaluate",
    task_run_name="evaluate {strategy} on {test.lang} {test.name}",
    **OPTIONS,
)
def evaluate_projected(
    recipe: Recipe,
    strategy: str,
    test: Test,
    gold: list[Shard],
    projected: list[Shard],
    turned: list[Shard],
    further: dict[str, str],
) -> Shard:
    step = evaluating.evaluate_projected(
        recipe, shelf(), strategy, test, gold, projected, further, turned
    )
    return _scored(step)


@task(name="evaluate", task_run_name="evaluate ensemble on {test.lang} {test.name}", **OPTIONS)
def evaluate_ensemble(
    recipe: Recipe,
    test: Test,
    gold: list[Shard],
    first: Shard,
    second: Shard,
    further: dict[str, str],
) -> Shard:
    return _scored(
        evaluating.evaluate_ensemble(recipe, shelf(), test, gold, (first, second), further)
    )


@task(name="evaluate", task_run_name="evaluate fused on {test.lang} {test.name}", **OPTIONS)
def evaluate_fused(
    recipe: Recipe,
    test: Test,
    gold: list[Shard],
    units: list[Shard],
    tagger: Shard,
    further: dict[str, str],
) -> Shard:
    return _scored(evaluating.evaluate_fused(recipe, shelf(), test, gold, units, tagger, further))


def _scored(step: Step) -> Shard:
    """Make a score, and log it."""
    made = make(step)
    get_run_logger().info("%s", evaluating.result(shelf(), made))
    return made
