"""Strategies whose model is used on the target language as it is: what differs is what it learns.

`translate-train` and its kin learn from translated data; zero-shot, few-shot and supervised are
what they are measured against.
"""

from __future__ import annotations

from collections.abc import Callable

from prefect import Flow, flow

from flows.portions import development, portions
from tasks.confinement import confined
from tasks.datasets import read
from tasks.learning import evaluate, train
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, begin
from xltpipe.strategies import LEARNT, Strategy


def fit_and_score(recipe: Recipe, target: str, strategy: Strategy) -> Outcome:
    """Train on what the strategy learns from, and score on the tests in the target language."""
    confined(recipe)
    outcome = begin(strategy, target)
    outcome.further |= recipe.signed(strategy)
    data = portions(recipe, target, strategy, outcome)
    dev = development(recipe, target, strategy, outcome)
    named = "+".join(dict.fromkeys(portion.lang for portion in data))
    tagger = train(recipe, data, dev, named)
    outcome.add("train", tagger)
    for test in recipe.tests_in(target):
        gold = read(recipe, test.data, target)
        outcome.add("test", *gold)
        outcome.score(evaluate(recipe, strategy, test, gold, tagger, outcome.further))
    return outcome


def _strategy(strategy: Strategy) -> Flow[[Recipe, str], Outcome]:
    def run(recipe: Recipe, target: str) -> Outcome:
        return fit_and_score(recipe, target, strategy)

    name = strategy.replace("_", "-")
    run.__name__ = strategy
    run.__doc__ = f"Train and score by {name}: see xltpipe.strategies."
    named: Callable[[Callable[[Recipe, str], Outcome]], Flow[[Recipe, str], Outcome]] = flow(
        name=name, flow_run_name=f"{{recipe.name}} {name} {{recipe.source}}→{{target}}"
    )
    return named(run)


STRATEGIES: dict[Strategy, Flow[[Recipe, str], Outcome]] = {
    name: _strategy(name) for name in LEARNT
}
