"""What training is judged by, under which split it is recorded: without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows import portions
from tests.toy_recipe import toy_recipe
from xltpipe import steps
from xltpipe.datasets import SourceSpec
from xltpipe.recipe import Recipe
from xltpipe.reporting.funnel import UNLABELLED
from xltpipe.runs import Outcome
from xltpipe.store import Shard, Store
from xltpipe.strategies import LABELLING


@pytest.mark.parametrize("strategy", ["control", "code_switched", "round_trip", "translate_test"])
@pytest.mark.parametrize("oracle", [False, True])
def test_development_data_that_are_used_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strategy: str, *, oracle: bool
) -> None:
    """They are no part of a corpus, which a report would miss."""
    store = Store(tmp_path / "store")

    def read(recipe: Recipe, source: SourceSpec, lang: str) -> list[Shard]:
        return steps.parts(store, store.make(steps.read(recipe, source, lang))[0])

    monkeypatch.setattr(portions, "read", read)  # as the task does, without Prefect
    gold = {"lang": "spa", "data": {"kind": "conll", "path": "test.conll"}}
    changes = {"oracle": True, "target_dev": [gold]} if oracle else {}
    recipe = toy_recipe(tmp_path, dev={"kind": "conll", "path": "train.conll"}, **changes)
    assert recipe.dev is not None
    outcome = Outcome(strategy, "spa")
    (found,) = portions.development(recipe, "spa", strategy, outcome)
    chosen = oracle and strategy in {"control", "code_switched"}
    expected = read(recipe, *((gold_of(recipe), "spa") if chosen else (recipe.dev, "eng")))
    assert (found.lang, list(found.shards)) == ("spa" if chosen else "eng", expected)
    assert outcome.shards == [("oracle" if chosen else "source", shard) for shard in expected]
    assert strategy not in LABELLING or {split for split, _ in outcome.shards} <= set(UNLABELLED)


def gold_of(recipe: Recipe) -> SourceSpec:
    return recipe.target_dev[0].data
