"""zero-shot: the baseline without translation, and supervised: the upper bound with gold data."""

from __future__ import annotations

from prefect import flow

from tasks.confinement import confined
from tasks.datasets import read
from tasks.learning import evaluate, train
from xltpipe.datasets import SourceSpec
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin


@flow(name="zero-shot", flow_run_name="{recipe.name} zero-shot {recipe.source}→{target}")
def zero_shot(recipe: Recipe, target: str) -> Outcome:
    """A tagger trained on the source language, used on the target language as it is."""
    return fit_and_score(recipe, recipe.train, recipe.source, begin("zero_shot", target))


@flow(name="supervised", flow_run_name="{recipe.name} supervised {target}")
def supervised(recipe: Recipe, target: str) -> Outcome:
    """A tagger trained on gold data of the target language."""
    return fit_and_score(recipe, recipe.gold(target).data, target, begin("supervised", target))


def fit_and_score(recipe: Recipe, source: SourceSpec, lang: str, outcome: Outcome) -> Outcome:
    confined(recipe)
    data = read(recipe, source, lang)
    dev = read(recipe, recipe.dev, lang) if recipe.dev and lang == recipe.source else []
    tagger = train(recipe, data, dev, lang)
    outcome.add("train", *data, tagger)
    for test in recipe.tests_in(outcome.target):
        gold = read(recipe, test.data, test.lang)
        outcome.add("test", *gold)
        outcome.score(evaluate(recipe, outcome.strategy, test, gold, tagger, {}))
    return outcome
