"""A matrix over the toy recipe, and its cells run without Prefect."""

from __future__ import annotations

from pathlib import Path

from tests import toy_run
from tests.toy_recipe import RULES, toy_recipe
from xltpipe import evaluating, learning, steps
from xltpipe.compared import comparison
from xltpipe.compared.cells import Cell
from xltpipe.compared.comparison import Comparison
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome, recording
from xltpipe.store import Store

MARKERS = {"name": "letters", "projection": {"kind": "markers", "style": "letters"}}
XML = {"name": "xml", "projection": {"kind": "markers", "style": "xml"}}
ALIGNED = {
    "name": "aligned",
    "projection": {"kind": "aligned", "aligner": {"kind": "hmm"}},
}


def matrix_recipe(folder: Path, matrix: dict[str, object], **changes: object) -> Recipe:
    given = {"strategies": ["zero_shot", "translate_train"], "rules": RULES}
    return toy_recipe(folder, matrix=matrix, **(given | changes))


def run_cell(store: Store, cell: Cell) -> None:
    """What the flow of a cell does, step by step."""
    recipe = cell.recipe
    assert recipe is not None
    with recording(store, recipe) as outcomes:
        if recipe.strategies == ("zero_shot",):
            outcomes[:] = [_zero_shot(recipe, store, cell.target)]
        else:
            outcomes[:] = [toy_run.translate_train(recipe, store, cell.target)]


def _zero_shot(recipe: Recipe, store: Store, target: str) -> Outcome:
    outcome = Outcome("zero_shot", target)
    data = toy_run.read(recipe, store)
    tagger, _ = store.make(
        learning.train(recipe, store, [learning.Portion(recipe.source, tuple(data))])
    )
    outcome.add("train", *data, tagger)
    for test in recipe.tests:
        gold = steps.parts(store, store.make(steps.read(recipe, test.data, target))[0])
        score = evaluating.evaluate(recipe, store, "zero_shot", test, gold, tagger)
        outcome.add("test", *gold)
        outcome.score(store.make(score)[0])
    return outcome


def run_missing(store: Store, recipe: Recipe) -> Comparison:
    """A whole comparison without Prefect."""
    found = comparison.begin(store, recipe)
    for cell in found.missing:
        run_cell(store, cell)
        assert found.look(store, cell)
    return found
