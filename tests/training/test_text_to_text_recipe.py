from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from xltpipe import evaluating, learning, steps
from xltpipe.store import Shard, Store

pytest.importorskip("torch")
pytest.importorskip("transformers")

TRAINING = {
    "kind": "text_to_text",
    "config": {"layers": 1, "width": 32, "heads": 2, "vocabulary": 300},
    "epochs": 1,
    "max_tokens": 32,
    "overlap": 8,
    "device": "cpu",
}


def test_steps_of_all_strategies(tmp_path: Path) -> None:
    """Zero-shot is train and evaluate; translate-test predicts on translations and turns round."""
    store, recipe = Store(tmp_path / "store"), toy_recipe(tmp_path, training=TRAINING)

    def made(step: steps.Step) -> Shard:
        return store.make(step)[0]

    data = steps.parts(store, made(steps.read(recipe, recipe.train, "eng")))
    tagger = made(learning.train(recipe, store, [learning.Portion("eng", tuple(data))]))
    test = recipe.tests[0]
    gold = steps.parts(store, made(steps.read(recipe, test.data, "spa")))
    score = made(evaluating.evaluate(recipe, store, "zero_shot", test, gold, tagger))
    assert "trainer:text_to_text" in evaluating.result(store, score).signature
    for shard in gold:
        units = made(steps.translate(recipe, store, shard, "spa", "eng"))
        turned = made(evaluating.predict_translated(recipe, store, units, tagger))
        assert turned.rows == shard.rows
