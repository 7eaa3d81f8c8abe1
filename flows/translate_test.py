"""translate-test: translate the test data, tag it in the source language, project back, score."""

from __future__ import annotations

from prefect import flow, unmapped

from tasks.alignment import align
from tasks.batches import batches
from tasks.confinement import confined
from tasks.datasets import read
from tasks.elsewhere import gathered
from tasks.learning import evaluate_projected, predict_translated, train
from tasks.names import parts
from tasks.projection import project
from tasks.translation import translate
from xltpipe.progress import expect
from xltpipe.recipe import Recipe, Test
from xltpipe.runs import Outcome, begin
from xltpipe.store import Shard
from xltpipe.tools import signed


@flow(name="translate-test", flow_run_name="{recipe.name} translate-test {target}→{recipe.source}")
def translate_test(recipe: Recipe, target: str) -> Outcome:
    """A source-language tagger on translated test data, its labels projected back."""
    confined(recipe)
    outcome = begin("translate_test", target)
    data = read(recipe, recipe.train, recipe.source)
    dev = read(recipe, recipe.dev, recipe.source) if recipe.dev else []
    tagger = train(recipe, data, dev, recipe.source)
    outcome.add("train", *data, tagger)
    for test in recipe.tests_in(target):
        outcome.score(project_back(recipe, test, tagger, outcome))
    return outcome


def project_back(recipe: Recipe, test: Test, tagger: Shard, outcome: Outcome) -> Shard:
    """The score on one test set, on the original text."""
    gold = read(recipe, test.data, test.lang)
    expect("translate", sum(shard.rows for shard in gold))
    named = parts(gold, test.name)
    units = gathered(
        translate.map(unmapped(recipe), batches(gold), test.lang, recipe.source, named)
    )
    expect("predict", sum(shard.rows for shard in units))
    turned = gathered(predict_translated.map(unmapped(recipe), batches(units), tagger, named))
    aligners = align(recipe, turned, recipe.source, test.lang)
    expect("project", sum(shard.rows for shard in turned))
    pair = (unmapped(aligners), recipe.source, test.lang)
    projected = gathered(project.map(unmapped(recipe), batches(turned), *pair, named))
    outcome.add("test", *gold, *units, *turned, *projected)
    return evaluate_projected(recipe, outcome.strategy, test, gold, projected, signed(aligners))
