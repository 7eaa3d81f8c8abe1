"""A corpus made by a chain of engines: who translated what, why, and where that is to be seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import run
from xltpipe import progress
from xltpipe.catalogue import connect, query
from xltpipe.cli import render
from xltpipe.errors import RecipeError
from xltpipe.estimate import estimate
from xltpipe.licences import ENGINE, licences
from xltpipe.plan import plan
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse
from xltpipe.recipe_text import to_toml
from xltpipe.store import Store
from xltpipe.translation import CTranslate2

LOCAL, COPY = {"kind": "ctranslate2"}, {"kind": "copy"}


def chained(folder: Path, **settings: object) -> Recipe:
    chain = {"kind": "fallback", "engines": [LOCAL, COPY], **settings}
    return toy_recipe(folder, translation=chain)


def rows(store: Store, sql: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = query(store, sql).to_pylist()
    return found


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Recipe]:
    """The two worst scores of six sentences fall to `copy`."""
    home = tmp_path_factory.mktemp("chain")
    plain = Store(home / "plain")
    run(toy_recipe(home, translation=LOCAL), plain)
    scores = sorted(row["score"] for row in rows(plain, "SELECT score FROM translations"))
    store, recipe = Store(home / "store"), chained(home, min_score=(scores[1] + scores[2]) / 2)
    run(recipe, store)
    return store, recipe


def test_low_scores_fall_to_copy_and_nothing_is_lost(corpus: tuple[Store, Recipe]) -> None:
    store, _ = corpus
    found = rows(store, "SELECT engine, count(*) AS n FROM translations GROUP BY ALL ORDER BY ALL")
    assert found == [{"engine": "copy", "n": 2}, {"engine": "ctranslate2", "n": 4}]
    copied = rows(store, "SELECT * FROM translations WHERE engine = 'copy'")
    for row in copied:
        assert row["received"] == row["sent"]
        assert row["passed_over"][0].startswith("ctranslate2: low_score: -")
    whole = rows(store, "SELECT DISTINCT passed_over FROM translations WHERE engine <> 'copy'")
    assert whole == [{"passed_over": []}]
    assert rows(store, "SELECT count(*) AS n FROM kept")[0]["n"] > 0


def test_labels_are_carried_over_whoever_translated(corpus: tuple[Store, Recipe]) -> None:
    store, _ = corpus
    spans = rows(
        store,
        "SELECT s.source_span, s.target_span FROM spans s JOIN translations t USING (run, id) "
        "WHERE t.engine = 'copy'",
    )
    assert all(row["source_span"] == row["target_span"] for row in spans)


def test_the_manifest_counts_by_engine_and_reason(
    corpus: tuple[Store, Recipe], capsys: pytest.CaptureFixture[str]
) -> None:
    store, recipe = corpus
    told = rows(store, "SELECT DISTINCT key, counts FROM shards WHERE stage = 'translate'")
    counts = [json.loads(row["counts"]) for row in told]
    assert sum(one.get("engine:ctranslate2", 0) for one in counts) == 4
    assert sum(one.get("engine:copy", 0) for one in counts) == 2
    assert sum(one.get("passed_over:ctranslate2: low_score", 0) for one in counts) == 2
    with connect(store) as connection:
        render.summary(connection, recipe.run)
    shown = capsys.readouterr().out
    assert "texts translated by ctranslate2" in shown
    assert "texts passed over by ctranslate2: low_score" in shown


def test_texts_that_no_engine_can_do_are_quarantined_with_all_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xltpipe.translation.copy import CopyTranslator
    from xltpipe.types import Translation

    def refuses(self: CopyTranslator, texts: Any, *_: str) -> list[Translation]:
        return [
            Translation("", fault="refused: no") if "Nile" in t else Translation(t) for t in texts
        ]

    monkeypatch.setattr(CopyTranslator, "translate", refuses)
    chain = {"kind": "fallback", "engines": [COPY, COPY]}
    recipe = toy_recipe(tmp_path, translation=chain, on_error="quarantine")
    store = Store(tmp_path / "store")
    run(recipe, store)
    (row,) = rows(store, "SELECT error, received FROM quarantined")
    assert row["error"] == "translate: refused: no"
    assert row["received"][0]["passed_over"] == [
        "copy#1: fault: refused: no",
        "copy#2: fault: refused: no",
    ]
    (counts,) = rows(
        store,
        "SELECT sum((counts->>'faults')::INT) AS faults, "
        "sum((counts->>'quarantined')::INT) AS quarantined FROM "
        "(SELECT DISTINCT key, counts FROM shards WHERE stage = 'translate')",
    )
    assert counts == {"faults": 1, "quarantined": 1}


def test_a_pivot_shows_the_text_between(tmp_path: Path) -> None:
    pivot = {"kind": "pivot", "through": "spa", "first": LOCAL, "second": COPY}
    recipe = toy_recipe(tmp_path, translation=pivot, targets=["glg"], tests=[])
    store = Store(tmp_path / "store")
    run(recipe, store)
    found = rows(store, "SELECT received, via.lang AS lang, via.text AS text FROM translations")
    assert len(found) == 6
    assert all(row["received"] == row["text"] and row["lang"] == "spa" for row in found)


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        ({"kind": "ctranslate2", "model": "/no/model"}, "Model must be .*/no/model"),
        (
            {"kind": "pivot", "through": "fra", "first": LOCAL, "second": COPY},
            "translates, was: eng-fra",
        ),
        ({"kind": "transformers", "model": "/no/model"}, "must be a folder with a checkpoint"),
    ],
)
def test_every_engine_of_a_chain_is_met_before_the_run(
    tmp_path: Path, engine: dict[str, object], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        preflight(chained(tmp_path, engines=[COPY, engine]))


def test_models_of_a_chain_may_lie_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    pivot = {"kind": "pivot", "through": "fra", "first": COPY, "second": {**LOCAL, "model": "mine"}}
    recipe = chained(tmp_path, engines=[{**LOCAL, "model": "mine"}, pivot])
    here = str(tmp_path / "mine")
    told = recipe.translation.model_dump()["engines"]
    assert (told[0]["model"], told[1]["second"]["model"]) == (here, here)


def test_markers_must_survive_in_every_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xltpipe.translation.copy import CopyTranslator

    preflight(chained(tmp_path))
    monkeypatch.setattr(CopyTranslator, "round_trip", lambda _, text, *__: text.replace("[A]", ""))
    with pytest.raises(RecipeError, match=r"Markers must survive .*\[A\] lost by fallback model"):
        preflight(chained(tmp_path))


def test_what_is_copied_in_a_chain_is_told_like_a_copy(tmp_path: Path) -> None:
    progress.notes.clear()
    recipe = chained(tmp_path)
    preflight(recipe.model_copy(update={"rules": toy_recipe(tmp_path, rules={}).rules}))
    assert any(note.startswith("translation copy leaves") for note in progress.notes)
    progress.notes.clear()


def test_plan_licences_and_recipe_text_know_chains(tmp_path: Path) -> None:
    pivot = {"kind": "pivot", "through": "fra", "first": COPY, "second": COPY}
    recipe = chained(tmp_path, engines=[LOCAL, pivot], min_score=-2.0)
    store = Store(tmp_path / "store")
    guess = estimate(recipe, store, plan(recipe, store))
    assert guess is not None
    assert guess.tokens > 6
    name = CTranslate2().aligning_model()
    assert name is not None
    found = [one for one in licences(recipe) if one.role == ENGINE]
    assert [(one.name, one.origin) for one in found] == [(name.name, "package")]
    import tomllib

    again = parse(tomllib.loads(to_toml(recipe)), tmp_path / "again.toml")
    assert again.translation.identity() == recipe.translation.identity()
