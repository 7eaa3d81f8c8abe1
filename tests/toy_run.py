"""translate-train without Prefect: the steps one after the other, recorded as a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltpipe import corpus, learning, scoring, steps, tools
from xltpipe.catalogue import refreshing
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, recording
from xltpipe.store import Shard, Store
from xltpipe.tools import Trained


def read(recipe: Recipe, store: Store) -> list[Shard]:
    made, _ = store.make(steps.read(recipe, recipe.train, recipe.source))
    return steps.parts(store, made)


def trained_aligners(
    recipe: Recipe, store: Store, units: Sequence[Shard], pair: tuple[str, str]
) -> list[Trained]:
    """The aligners that the projector needs, trained where they are."""
    return [
        replace(a, shard=store.make(tools.align(store, a.spec, units, pair))[0])
        if a.spec.trained
        else a
        for a in tools.aligners(recipe, sum(s.rows for s in units), pair[1], scored=True)
    ]


def judged(recipe: Recipe, store: Store, target: str, outcome: Outcome) -> list[Shard]:
    """Read, translate, project and judge the training data."""
    pair = (recipe.source, target)
    shards = read(recipe, store)
    units = [store.make(steps.translate(recipe, store, s, *pair))[0] for s in shards]
    trained = trained_aligners(recipe, store, units, pair)
    projected = [store.make(steps.project(recipe, store, s, trained, pair))[0] for s in units]
    scores = [store.make(scoring.score(recipe, store, s, trained, pair))[0] for s in projected]
    choice = chosen(recipe, store, projected, scores)
    done = [
        store.make(scoring.judge(recipe, store, s, of, choice, number))[0]
        for number, (s, of) in enumerate(zip(projected, scores, strict=True))
    ]
    outcome.add("train", *shards, *units, *projected, *scores, *done)
    return done


def chosen(
    recipe: Recipe, store: Store, projected: Sequence[Shard], scores: Sequence[Shard]
) -> Shard | None:
    """Which of equal rows stays."""
    if recipe.quality.duplicates is None:
        return None
    groups, _ = store.make(scoring.duplicates(recipe, store, projected))
    return store.make(scoring.choose(recipe, store, groups, scores))[0]


def materialise(recipe: Recipe, store: Store, target: str, outcome: Outcome) -> Shard:
    """The corpus artefact, published."""
    given = judged(recipe, store, target, outcome)
    made, _ = store.make(corpus.materialise(recipe, store, given, target, "train"))
    corpus.publish(store, made, recipe, target, "train")
    outcome.add("train", made)
    return made


def translate_train(recipe: Recipe, store: Store, target: str) -> Outcome:
    outcome = Outcome("translate_train", target)
    data = steps.parts(store, materialise(recipe, store, target, outcome))
    tagger, _ = store.make(learning.train(recipe, store, data, [], target))
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        made, _ = store.make(steps.read(recipe, test.data, target))
        gold = steps.parts(store, made)
        score, _ = store.make(
            learning.evaluate(recipe, store, outcome.strategy, test, gold, tagger)
        )
        outcome.add("test", *gold)
        outcome.score(score)
    return outcome


def run(recipe: Recipe, store: Store) -> list[Outcome]:
    """Run and write the catalogue."""
    with refreshing(store), recording(store, recipe) as outcomes:
        for target in recipe.targets:
            outcomes.append(translate_train(recipe, store, target))
    return outcomes
