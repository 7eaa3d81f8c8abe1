"""translate-test: translate the test data, tag it in the source language, project back, score."""

from __future__ import annotations

from prefect import flow, unmapped

from flows.corpus import labelled
from flows.portions import development, round_trip
from flows.translate_train import fit_and_score
from tasks.alignment import align
from tasks.batches import batches
from tasks.confinement import confined
from tasks.datasets import read
from tasks.elsewhere import gathered
from tasks.learning import (
    evaluate_ensemble,
    evaluate_fused,
    evaluate_projected,
    predict_translated,
    train,
)
from tasks.names import parts
from tasks.projection import project
from tasks.translation import translate
from xltpipe.datasets import SourceSpec
from xltpipe.learning import Portion
from xltpipe.progress import expect
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Test
from xltpipe.runs import Outcome, begin
from xltpipe.store import Shard
from xltpipe.tools import signed


@flow(name="translate-test", flow_run_name="{recipe.name} translate-test {target}→{recipe.source}")
def translate_test(recipe: Recipe, target: str) -> Outcome:
    """A source-language model on translated test data, its labels projected back."""
    confined(recipe)
    outcome = begin("translate_test", target)
    outcome.further |= recipe.signed("translate_test")
    shards = read(recipe, recipe.train, recipe.source)
    outcome.add("train", *shards)
    return _tested(recipe, [Portion(recipe.source, tuple(shards))], outcome)


@flow(
    name="round-trip",
    flow_run_name="{recipe.name} round-trip {recipe.source}→{target}→{recipe.source}",
)
def round_trip_test(recipe: Recipe, target: str) -> Outcome:
    """As translate-test, by a model of source-language text that was translated, there and back."""
    confined(recipe)
    outcome = begin("round_trip", target)
    outcome.further |= recipe.signed("round_trip")
    return _tested(recipe, round_trip(recipe, target, outcome), outcome)


@flow(name="ensemble", flow_run_name="{recipe.name} ensemble {recipe.source}→{target}")
def ensemble(recipe: Recipe, target: str) -> Outcome:
    """The predictions of translate-train and translate-test, put together."""
    train_outcome = fit_and_score(recipe, target, "translate_train")
    test_outcome = translate_test(recipe, target)
    outcome = begin("ensemble", target)
    outcome.further |= train_outcome.further | recipe.signed("ensemble")
    outcome.shards += train_outcome.shards
    outcome.shards += [one for one in test_outcome.shards if one not in train_outcome.shards]
    pairs = zip(train_outcome.scores, test_outcome.scores, strict=True)
    for test, both in zip(recipe.tests_in(target), pairs, strict=True):
        gold = read(recipe, test.data, test.lang)
        outcome.score(evaluate_ensemble(recipe, test, gold, *both, outcome.further))
    return outcome


@flow(name="fused", flow_run_name="{recipe.name} fused {recipe.source}+{target}")
def fused(recipe: Recipe, target: str) -> Outcome:
    """A model of texts with their translations, on test texts with theirs."""
    confined(recipe)
    outcome = begin("fused", target)
    outcome.further |= recipe.signed("fused")
    data = [_both(recipe, recipe.train, target, "train", outcome)]
    dev = [_both(recipe, recipe.dev, target, "dev", outcome)] if recipe.dev else []
    tagger = train(recipe, data, dev, f"{recipe.source}+{target}")
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        gold = read(recipe, test.data, test.lang)
        expect("translate", sum(shard.rows for shard in gold))
        named = parts(gold, test.name)
        pair = (test.lang, recipe.source)
        units = gathered(translate.map(unmapped(recipe), batches(gold), *pair, named))
        outcome.add("test", *gold, *units)
        outcome.score(evaluate_fused(recipe, test, gold, units, tagger, outcome.further))
    return outcome


def _both(recipe: Recipe, source: SourceSpec, target: str, split: str, outcome: Outcome) -> Portion:
    """Both sides of the rows of a split that were kept."""
    return Portion(target, tuple(labelled(recipe, source, target, split, outcome).judged), "both")


def _tested(recipe: Recipe, data: list[Portion], outcome: Outcome) -> Outcome:
    dev = development(recipe, outcome.target, outcome.strategy, outcome)
    tagger = train(recipe, data, dev, recipe.source)
    outcome.add("train", tagger)
    for test in recipe.tests_in(outcome.target):
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
    further = outcome.further | signed(aligners)
    return evaluate_projected(recipe, outcome.strategy, test, gold, projected, turned, further)
