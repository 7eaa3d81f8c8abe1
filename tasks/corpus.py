"""Materialise the kept rows of a run as a corpus, and say so to whoever waits for it."""

from __future__ import annotations

from pathlib import Path

from prefect import task
from prefect.events import emit_event
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import make_or_take, make_quietly, shelf
from xltpipe import corpus, steps
from xltpipe.recipe import Recipe
from xltpipe.store import Shard
from xltpipe.tools import Trained

MATERIALISED = "xltpipe.corpus.materialised"
"""Event: a corpus is published. Automations may wait for it (docs/stack.md has its fields)."""


@task(
    name="materialise",
    task_run_name="materialise {recipe.source}→{target} {split}",
    **OPTIONS,
)
def materialise(
    recipe: Recipe, judged: list[Shard], target: str, split: str, aligners: list[Trained]
) -> list[Shard]:
    """The shards of the corpus, which is published under the run's name."""
    for shard in judged:
        make_quietly(corpus.keep(shelf(), shard), again=False)
    step = corpus.materialise(recipe, shelf(), judged, target, split)
    made, new = make_or_take(step)
    folder = corpus.publish(shelf(), made, recipe, target, split, aligners)
    get_run_logger().info("corpus: %s", folder)
    _tell(recipe, made, folder, target, split, new=new)
    return steps.parts(shelf(), made)


@task(name="keep", task_run_name="keep {recipe.source}→{target}", **OPTIONS)
def keep(recipe: Recipe, judged: list[Shard], target: str) -> list[Shard]:  # noqa: ARG001 - names
    """The kept rows of judged shards, for another step of the run; nothing is published."""
    return [make_quietly(corpus.keep(shelf(), shard), again=False) for shard in judged]


def _tell(recipe: Recipe, made: Shard, folder: Path, target: str, split: str, *, new: bool) -> None:
    """Emit the event; a run that finds its corpus on the shelf tells it again, as not new."""
    counts = (shelf().manifest(made) or {}).get("counts", {})
    emit_event(
        MATERIALISED,
        resource={
            "prefect.resource.id": f"xltpipe.corpus.{recipe.run}.{target}.{split}",
            "prefect.resource.name": f"{recipe.run} {target} {split}",
            "xltpipe.run": recipe.run,
            "xltpipe.recipe": recipe.name,
            "xltpipe.source": recipe.source,
            "xltpipe.target": target,
            "xltpipe.split": split,
            "xltpipe.new": "true" if new else "false",
        },
        payload={"key": made.key, "folder": str(folder), "counts": counts},
    )
