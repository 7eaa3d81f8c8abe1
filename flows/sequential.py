"""sequential: one model learns language after language; what transfers, what is forgotten."""

from __future__ import annotations

from prefect import flow

from flows.portions import stage
from tasks.confinement import confined
from tasks.datasets import read
from tasks.learning import evaluate, train
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin
from xltpipe.store import Shard


@flow(name="sequential", flow_run_name="{recipe.name} sequential, tested on {target}")
def sequential(recipe: Recipe, target: str) -> Outcome:
    """After each stage, the scores on the tests in one language of the order.

    The stages are the same for every language, and made once.
    """
    confined(recipe)
    outcome = begin("sequential", target)
    outcome.further |= recipe.signed("sequential")
    tests = [(test, read(recipe, test.data, target)) for test in recipe.tests_in(target)]
    for _, gold in tests:
        outcome.add("test", *gold)
    tagger: Shard | None = None
    for number, lang in enumerate(recipe.order):
        data, dev = stage(recipe, lang, outcome)
        told = recipe.signed_stage(number)
        tagger = train(recipe, data, dev, told["learnt"], tagger)
        outcome.add("train", tagger)
        further = outcome.further | told
        for test, gold in tests:
            outcome.score(evaluate(recipe, "sequential", test, gold, tagger, further))
    return outcome
