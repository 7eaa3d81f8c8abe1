"""experiment: every strategy of a recipe into every target language, then the catalogue."""

from __future__ import annotations

from prefect import Flow, flow

from flows.corpus import corpus
from flows.sequential import sequential
from flows.translate_test import ensemble, fused, round_trip_test, translate_test
from flows.translate_train import STRATEGIES as FITTING
from tasks import launched
from tasks.confinement import confined
from tasks.datasets import leaks
from tasks.executors import executing
from tasks.report import report
from tasks.shelf import shelf
from tasks.showing import shown
from xltpipe.catalogue import refreshing
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, recording
from xltpipe.strategies import Strategy

STRATEGIES: dict[Strategy, Flow[[Recipe, str], Outcome]] = {
    **FITTING,
    "corpus": corpus,
    "translate_test": translate_test,
    "round_trip": round_trip_test,
    "ensemble": ensemble,
    "fused": fused,
    "sequential": sequential,
}


@flow(name="experiment", flow_run_name="{recipe.title}", persist_result=False)
def experiment(recipe: Recipe) -> list[Outcome]:
    """What each strategy gives in each language; targets × strategies are flows of their own."""
    launched.begin(recipe.title)
    confined(recipe)
    try:
        with (
            refreshing(shelf()),
            shown(recipe.run),
            recording(shelf(), recipe) as outcomes,
            executing(recipe) as (sent, runner),
        ):
            if recipe.tests and set(recipe.strategies) != {"corpus"}:
                leaks(recipe)
            for target, strategies in recipe.arms:
                for strategy in strategies:
                    STRATEGIES[strategy].with_options(task_runner=runner)(sent, target)
    except Exception:  # what failed is shown, too; what was told to stop has no time for it
        report(recipe.run, return_state=True)
        raise
    report(recipe.run, return_state=True)  # a page less does not undo the work
    return list(outcomes)
