"""translate-train: translate the training data, project its labels, judge, train, evaluate."""

from __future__ import annotations

from prefect import flow, unmapped

from tasks.alignment import align
from tasks.corpus import materialise
from tasks.datasets import read
from tasks.learning import evaluate, train
from tasks.projection import project
from tasks.quality import judge
from tasks.translation import translate
from xltpipe.datasets import SourceSpec
from xltpipe.progress import expect
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome
from xltpipe.store import Shard


@flow(
    name="translate-train", flow_run_name="{recipe.name} translate-train {recipe.source}→{target}"
)
def translate_train(recipe: Recipe, target: str) -> Outcome:
    """A tagger trained on the translated, label-projected training data."""
    outcome = Outcome("translate_train", target)
    corpus = label(recipe, recipe.train, target, "train", outcome)
    dev = label(recipe, recipe.dev, target, "dev", outcome) if recipe.dev else []
    tagger = train(recipe, corpus, dev, target)
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        gold = read(recipe, test.data, target)
        outcome.add("test", *gold)
        outcome.score(evaluate(recipe, outcome.strategy, test, gold, tagger))
    return outcome


def label(
    recipe: Recipe, source: SourceSpec, target: str, split: str, outcome: Outcome
) -> list[Shard]:
    """The labelled corpus of one split in the target language."""
    shards = read(recipe, source, recipe.source)
    expect("translate", sum(shard.rows for shard in shards))
    units = translate.map(unmapped(recipe), shards, recipe.source, target).result()
    aligner = align(recipe, units, recipe.source, target)
    expect("project", sum(shard.rows for shard in units))
    projected = project.map(
        unmapped(recipe), units, unmapped(aligner), recipe.source, target
    ).result()
    expect("judge", sum(shard.rows for shard in projected))
    judged = judge.map(unmapped(recipe), projected).result()
    corpus = materialise(recipe, judged, target, split)
    outcome.add(split, *shards, *units, *projected, *judged, *corpus)
    return corpus
