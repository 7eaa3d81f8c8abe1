"""translate-train without Prefect: the steps one after the other, recorded as a run."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe import corpus, evaluating, learning, scoring, steps, tools
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
        tools.aligned(
            a, store, store.make(tools.align(store, a.spec, units, pair, recipe.reuse_aligner))[0]
        )
        if a.spec.trained
        else a
        for a in tools.aligners(recipe, sum(s.rows for s in units), pair[1], scored=True)
    ]


def judged(recipe: Recipe, store: Store, target: str, outcome: Outcome) -> list[Shard]:
    """Read, translate, project and judge the training data."""
    return labelled(recipe, store, target, outcome)[0]


def labelled(
    recipe: Recipe, store: Store, target: str, outcome: Outcome
) -> tuple[list[Shard], list[Trained]]:
    """Judged shards, and the aligners that were used."""
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
    outcome.use("train", trained)
    outcome.add("train", *([choice] if choice else []))
    outcome.add("train", *shards, *units, *projected, *scores, *done)
    return done, trained


def chosen(
    recipe: Recipe, store: Store, projected: Sequence[Shard], scores: Sequence[Shard]
) -> Shard | None:
    """Which of equal rows stays."""
    if recipe.quality.duplicates is None:
        return None
    marks = [store.make(scoring.marks(recipe, store, shard))[0] for shard in projected]
    groups, _ = store.make(scoring.duplicates(recipe, store, marks))
    return store.make(scoring.choose(recipe, store, groups, scores))[0]


def materialise(recipe: Recipe, store: Store, target: str, outcome: Outcome) -> Shard:
    """The corpus artefact, published."""
    given, trained = labelled(recipe, store, target, outcome)
    for shard in given:
        store.make(corpus.keep(store, shard))
    made, _ = store.make(corpus.materialise(recipe, store, given, target, "train"))
    corpus.publish(store, made, recipe, target, "train", trained)
    outcome.add("train", made)
    return made


def translate_train(recipe: Recipe, store: Store, target: str) -> Outcome:
    outcome = Outcome("translate_train", target, further=recipe.signed("translate_train"))
    data = steps.parts(store, materialise(recipe, store, target, outcome))
    tagger, _ = store.make(learning.train(recipe, store, [learning.Portion(target, tuple(data))]))
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        made, _ = store.make(steps.read(recipe, test.data, target))
        gold = steps.parts(store, made)
        score, _ = store.make(
            evaluating.evaluate(
                recipe, store, outcome.strategy, test, gold, tagger, outcome.further
            )
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
