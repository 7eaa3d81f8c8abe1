"""Make a translation model: vocabulary, aligners, encoded files, training."""

from __future__ import annotations

from pathlib import Path

from prefect import task

from tasks.options import OPTIONS
from tasks.shelf import make, shelf
from xltpipe.mt import making
from xltpipe.mt.delivery import check_free, deliver
from xltpipe.mt.recipe import Training
from xltpipe.mt.settings import Pairs
from xltpipe.store import Shard


@task(name="mt-vocabulary", task_run_name="vocabulary {recipe.name}", **OPTIONS)
def learn_vocabulary(recipe: Training) -> Shard:
    return make(making.vocabulary_step(recipe))


@task(name="mt-aligner", task_run_name="align {source}→{target}", **OPTIONS)
def train_aligner(recipe: Training, source: str, target: str, vocabulary: Shard) -> Shard:
    return make(making.aligner_step(recipe, (source, target), vocabulary, shelf()))


@task(name="mt-encode", task_run_name="encode {file.path.name}", **OPTIONS)
def encode(recipe: Training, file: Pairs, vocabulary: Shard, aligner: Shard | None) -> Shard:
    return make(making.encode_step(recipe, file, vocabulary, aligner, shelf()))


@task(name="mt-train", task_run_name="train {recipe.name}", **OPTIONS)
def teach(recipe: Training, vocabulary: Shard, files: list[Shard]) -> Shard:
    from xltpipe.mt.course import clear, train_step  # PyTorch, which other flows do without

    step = train_step(recipe, shelf(), vocabulary, files)
    made = make(step)
    clear(step, shelf())
    return made


@task(name="mt-publish", task_run_name="publish {recipe.name}", **OPTIONS)
def publish(recipe: Training, model: Shard, *, replace: bool) -> None:
    deliver(shelf().path(model), place(recipe, replace=replace), force=replace)


def place(recipe: Training, *, replace: bool) -> Path:
    """models/NAME of the data folder, where recipes find a model by its name.

    Raises:
        RecipeError: there is one already, and it is not to be replaced.
    """
    output = shelf().root.parent / "models" / recipe.name
    check_free(output, force=replace)
    return output
