"""translate-test with every projector that labels a given text, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from tests import llm_server
from tests.toy_recipe import toy_recipe
from tests.toy_run import read, trained_aligners
from xltpipe import evaluating, learning, steps, tables
from xltpipe.errors import MissingExtraError
from xltpipe.preflight import preflight
from xltpipe.projection import ProjectorSpec
from xltpipe.store import Store

TEST = """\
Ana B-PER
vive O
en O
París B-LOC
. O

Llueve O
otra O
vez O
. O

Ana B-PER
vio O
a O
Eva B-PER
en O
Roma B-LOC
. O
"""
NEEDED: dict[str, dict[str, Any]] = {
    "llm": {"url": llm_server.shared(), "model": "toy"},
    "chain": {
        "methods": [
            {"projector": {"kind": "aligned", "aligner": {"kind": "attention"}}, "floor": 0.99},
            {"projector": {"kind": "aligned"}},
        ]
    },
}


def kinds() -> list[str]:
    specs = get_args(get_args(ProjectorSpec)[0])
    return [str(spec.model_fields["kind"].default) for spec in specs if spec.in_place is not False]


@pytest.mark.parametrize("kind", kinds())
def test_labels_land_on_the_original_text(tmp_path: Path, kind: str) -> None:
    (tmp_path / "gold.conll").write_text(TEST, encoding="utf-8")
    recipe = toy_recipe(
        tmp_path,
        strategies=["translate_test"],
        tests=[{"name": "own", "lang": "spa", "data": {"kind": "conll", "path": "gold.conll"}}],
        translation={"kind": "ctranslate2", "model": "en-es-tatoeba"},
        projection={"kind": kind, **NEEDED.get(kind, {})},
        training={"kind": "crf", "max_iterations": 30},
    )
    store = Store(tmp_path / "store")
    try:
        recipe.projection.check()
        preflight(recipe)
    except MissingExtraError as error:
        pytest.skip(str(error))
    (test,) = recipe.tests
    data = learning.Portion("eng", tuple(read(recipe, store)))
    tagger, _ = store.make(learning.train(recipe, store, [data]))
    made, _ = store.make(steps.read(recipe, test.data, "spa"))
    gold = steps.parts(store, made)
    units = [store.make(steps.translate(recipe, store, s, "spa", "eng"))[0] for s in gold]
    turned = [store.make(evaluating.predict_translated(recipe, store, s, tagger))[0] for s in units]
    pair = ("eng", "spa")
    aligners = trained_aligners(recipe, store, turned, pair)
    projected = [store.make(steps.project(recipe, store, s, aligners, pair))[0] for s in turned]
    score, _ = store.make(
        evaluating.evaluate_projected(recipe, store, "translate_test", test, gold, projected)
    )
    rows = [u for s in projected for u in tables.table_to_units(store.read(s))]
    truth = [e for s in gold for e in tables.table_to_examples(store.read(s))]
    assert [u.target.texts for u in rows] == [e.texts for e in truth]
    assert all(u.error is None for u in rows)
    found = sum(len(u.source.spans) for u in rows)
    assert found >= 2  # the tagger knows Ana and Paris
    assert [len(u.placements) for u in rows] == [len(u.source.spans) for u in rows]
    placed = {u.target.covered(s) for u in rows for s in u.target.spans}
    assert "Ana" in placed
    assert evaluating.result(store, score).value > 0.3
