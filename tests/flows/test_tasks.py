"""Other kinds of task than spans, from their files to a score, in real runs on few rows.

Scores on so few rows mean nothing: that each kind goes all the way, with what suits it, is the point.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import real_run
from tests.trained import judged_by
from xltpipe.catalogue import connect, query
from xltpipe.compared.cells import Cell
from xltpipe.compared.results import results
from xltpipe.recipe import Recipe
from xltpipe.runs import records
from xltpipe.steps import parts
from xltpipe.store import Shard, Store

pytestmark = pytest.mark.prefect

TOPICS = {"sports": "We play football with a ball.", "food": "I eat bread and drink milk."}
SPANISH = {"sports": "Jugamos al fútbol con un balón.", "food": "Como pan y bebo leche."}
TINY = {"layers": 2, "width": 16, "heads": 2, "vocabulary": 400}
FILTER = {"kind": "filter", "config": TINY, "epochs": 1, "max_tokens": 32, "overlap": 6}


def _rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {"kind": "jsonl", "path": str(path)}


def _topics(folder: Path, name: str, texts: dict[str, str], rows: int) -> dict[str, str]:
    listed = [
        {"id": f"r{n}", "text": f"{texts[label]} {n}", "label": label}
        for n in range(rows)
        for label in [sorted(texts)[n % 2]]
    ]
    return _rows(folder / f"{name}.jsonl", listed)


def _questions(folder: Path, name: str, who: str, verb: str, rows: int) -> dict[str, str]:
    data = []
    for n in range(rows):
        context = f"{who} {verb} {n + 2}."
        start = context.index(str(n + 2))
        answer = {"text": str(n + 2), "answer_start": start}
        item = {"id": f"q{n}", "question": f"{who} {n}?", "answers": [answer]}
        data.append({"title": "t", "paragraphs": [{"context": context, "qas": [item]}]})
    place = folder / f"{name}.json"
    place.write_text(json.dumps({"data": data, "version": "1.1"}), encoding="utf-8")
    return {"kind": "squad", "path": str(place)}


def _recipe(folder: Path, name: str, **settings: Any) -> Path:
    import tomli_w

    whole = {
        "name": name,
        "targets": ["spa"],
        "translation": {"kind": "ctranslate2", "model": "en-es-tatoeba"},
        "rules": {"similarity": False, "target_language": False},
    } | settings
    path = folder / f"{name}.toml"
    path.write_text(tomli_w.dumps(whole), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Store:
    """What three recipes of different kinds left in one store."""
    folder = tmp_path_factory.mktemp("tasks")
    test = {"name": "small", "lang": "spa"}
    topics = {
        "task": "classification",
        "train": _topics(folder, "train", TOPICS, 24),
        "tests": [test | {"data": _topics(folder, "test", SPANISH, 8)}],
    }
    dev = _topics(folder, "dev", {k: f"{v} Yes," for k, v in TOPICS.items()}, 8)
    recipes = [
        _recipe(folder, "topics", strategies=["ensemble"], dev=dev, **topics),
        _recipe(folder, "both", strategies=["fused"], training=FILTER, **topics),
        _recipe(
            folder,
            "answers",
            task="qa",
            strategies=["translate_train"],
            train=_questions(folder, "train", "The man", "has", 12),
            tests=[test | {"data": _questions(folder, "test", "El hombre", "tiene", 6)}],
        ),
    ]
    env = real_run.environment(folder / "prefect", prefect_server)
    for recipe in recipes:
        real_run.run(recipe, folder / "data", env)
    return Store(folder / "data" / "store")


def scores(store: Store) -> dict[tuple[str, str], dict[str, Any]]:
    table = query(store, "SELECT split_part(run, '-', 1) AS name, * FROM results")
    return {(row["name"], row["strategy"]): row for row in table.to_pylist()}


def test_every_kind_has_its_metric(store: Store) -> None:
    found = {place: row["metric"] for place, row in scores(store).items()}
    assert found == {
        ("topics", "translate_train"): "accuracy",
        ("topics", "translate_test"): "accuracy",
        ("topics", "ensemble"): "accuracy",
        ("both", "fused"): "accuracy",
        ("answers", "translate_train"): "answer_f1",
    }


def test_topics_are_learnt_through_translation(store: Store) -> None:
    found = scores(store)
    assert found["topics", "translate_train"]["value"] >= 0.75
    assert found["topics", "translate_test"]["value"] >= 0.75
    assert "ensemble:union" in found["topics", "ensemble"]["signature"]


def test_training_is_judged_in_the_language_that_it_reads(store: Store) -> None:
    """By projected development data, or, where the test is translated, by them as they are."""
    shards = query(
        store,
        "SELECT DISTINCT strategy, lang, split, stage, key FROM shards WHERE run LIKE 'topics-%' "
        "AND strategy != 'ensemble'",
    ).to_pylist()
    judged = {r["strategy"]: judged_by(store, r["key"]) for r in shards if r["stage"] == "train"}
    found = {
        (r["strategy"], r["stage"]): [s.id for s in parts(store, Shard(r["stage"], r["key"]))]
        for r in shards
        if (r["split"], r["stage"]) in {("dev", "materialise"), ("source", "read")}
    }
    assert len(judged["translate_train"]) == 1
    assert judged["translate_train"] == found["translate_train", "materialise"]
    assert judged["translate_test"] == found["translate_test", "read"]
    assert ("translate_test", "materialise") not in found


def test_labels_are_not_translated(store: Store) -> None:
    rows = query(store, "SELECT source.label AS a, target.label AS b FROM units").to_pylist()
    assert {row["a"] for row in rows if row["a"]} == {"sports", "food"}
    assert all(row["a"] == row["b"] for row in rows)


def test_a_model_of_pairs_reads_the_test_beside_its_translation(store: Store) -> None:
    row = scores(store)["both", "fused"]
    assert "trainer:filter" in row["signature"]
    assert 0 <= row["value"] <= 1


def test_an_ensemble_is_compared_by_its_own_score(store: Store) -> None:
    (record,) = (one for one in records(store) if one["name"] == "topics")
    recipe = Recipe.model_validate(record["recipe"])
    found = results(store, Cell("spa", "ensemble", None, None, "tfidf", 1, recipe))
    assert found is not None
    (only,) = found
    assert "strategy:ensemble" in only.score.signature


def test_a_table_calls_a_score_by_its_metric(store: Store, capsys: Any) -> None:
    from xltpipe.cli import render

    with connect(store) as connection:
        render.summary(connection, next(r["run"] for r in records(store) if r["name"] == "topics"))
    shown = capsys.readouterr().out
    assert "accuracy" in shown
    assert "precision" not in shown
    assert "nan" not in shown
