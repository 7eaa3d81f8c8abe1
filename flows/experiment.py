"""experiment: every strategy of a recipe into every target language, then the catalogue."""

from __future__ import annotations

from prefect import flow

from flows.corpus import corpus
from flows.translate_test import translate_test
from flows.translate_train import translate_train
from flows.zero_shot import supervised, zero_shot
from tasks.executors import executing
from tasks.report import report
from tasks.shelf import shelf
from xltpipe.catalogue import refresh
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, recording

STRATEGIES = {
    "corpus": corpus,
    "translate_train": translate_train,
    "translate_test": translate_test,
    "zero_shot": zero_shot,
    "supervised": supervised,
}


@flow(name="experiment", flow_run_name="{recipe.run}", persist_result=False)
def experiment(recipe: Recipe) -> list[Outcome]:
    """What each strategy gives in each language; targets × strategies are flows of their own."""
    try:
        with recording(shelf(), recipe) as outcomes, executing(recipe) as (sent, runner):
            for target in recipe.targets:
                for strategy in recipe.strategies:
                    STRATEGIES[strategy].with_options(task_runner=runner)(sent, target)
    finally:  # a run that failed is looked into, too
        refresh(shelf())
    report(recipe.run, return_state=True)  # a page less does not undo the work
    return list(outcomes)
