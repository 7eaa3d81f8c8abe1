"""translate-train: a corpus in the target language, a tagger trained on it, its score."""

from __future__ import annotations

from prefect import flow

from flows.corpus import label
from tasks.confinement import confined
from tasks.datasets import read
from tasks.learning import evaluate, train
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin


@flow(
    name="translate-train", flow_run_name="{recipe.name} translate-train {recipe.source}→{target}"
)
def translate_train(recipe: Recipe, target: str) -> Outcome:
    """A tagger trained on the translated, label-projected training data."""
    confined(recipe)
    outcome = begin("translate_train", target)
    corpus = label(recipe, recipe.train, target, "train", outcome)
    dev = label(recipe, recipe.dev, target, "dev", outcome) if recipe.dev else []
    tagger = train(recipe, corpus, dev, target)
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        gold = read(recipe, test.data, target)
        outcome.add("test", *gold)
        outcome.score(evaluate(recipe, outcome.strategy, test, gold, tagger, outcome.further))
    return outcome
