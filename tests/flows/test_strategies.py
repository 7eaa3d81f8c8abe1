"""Every strategy that is not tried by the quickstart, in one real run on few rows.

Scores on so few rows mean nothing: what each learnt from, and what its signature says, is the point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import real_run
from tests.trained import judged_by
from xltpipe import evaluating, steps, tables
from xltpipe.catalogue import connect, query
from xltpipe.plan import plan
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.reporting.findings import essentials
from xltpipe.store import Shard, Store

pytestmark = pytest.mark.prefect

STRATEGIES = (
    "translate_train_all",
    "code_switched",
    "control",
    "round_trip",
    "ensemble",
    "few_shot",
)
LEARNING_THE_SOURCE = {"round_trip", "translate_test"}


@dataclass
class Run:
    recipe: Recipe
    store: Store
    words: str

    def counts(self, strategy: str, stage: str) -> list[dict[str, Any]]:
        """What each artefact of a stage counted."""
        rows = query(
            self.store,
            "SELECT DISTINCT strategy, stage, key FROM shards",
        ).to_pylist()
        keys = [r["key"] for r in rows if (r["strategy"], r["stage"]) == (strategy, stage)]
        found = [self.store.manifest(Shard(stage, key)) for key in keys]
        return [one["counts"] for one in found if one is not None]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Run:
    folder = tmp_path_factory.mktemp("strategies")
    path = real_run.write_recipe(folder / "every.toml", rows=20, shard_rows=20)
    samples = real_run.SAMPLES
    gold = f'kind = "conll", path = "{samples}/ner.spa.test.conll", limit = 30'
    text = path.read_text(encoding="utf-8").replace(
        str(list(real_run.ALL)), f"{list(STRATEGIES)}\ngold_rows = 7\noracle = true"
    )
    text += f'\n[[supervised]]\nlang = "spa"\ndata = {{ {gold} }}\n'
    text += f'\n[[target_dev]]\nlang = "spa"\ndata = {{ {gold.replace("30", "9")} }}\n'
    text += f'\n[dev]\nkind = "conll"\npath = "{samples}/ner.eng.train.conll"\nlimit = 6\n'
    path.write_text(text, encoding="utf-8")
    env = real_run.environment(folder / "prefect", prefect_server)
    words = real_run.run(path, folder / "data", env)
    return Run(load(path), Store(folder / "data" / "store"), words)


def test_each_has_a_score_that_says_what_it_is(run: Run) -> None:
    rows = query(run.store, "SELECT strategy, signature FROM results").to_pylist()
    signed = {row["strategy"]: row["signature"] for row in rows}
    # the two that an ensemble is made of have scores of their own
    assert set(signed) == {*STRATEGIES, "translate_train", "translate_test"}
    assert all(f"strategy:{name}" in told for name, told in signed.items())
    assert all(
        ("gold_rows:7" in told) == (name not in LEARNING_THE_SOURCE)
        for name, told in signed.items()
    )
    assert "switched:0.5" in signed["code_switched"]
    assert "ensemble:union" in signed["ensemble"]


def test_each_model_is_told_with_its_strategies(run: Run) -> None:
    lines = [line for line in run.words.splitlines() if line.startswith("model: ")]
    told = [re.fullmatch(r"model: (/.+/tagger) \((.+): spa\)", line) for line in lines]
    users = {one[2]: Path(one[1]) for one in told if one is not None}
    # an ensemble is of two, which have lines of their own
    assert set(users) == {
        *("translate_train_all", "code_switched", "control", "round_trip", "few_shot"),
        *("translate_train, ensemble", "translate_test, ensemble"),
    }
    assert len({*users.values()}) == len(lines) == 7
    assert all((home / "report.json").is_file() for home in users.values())


def test_an_oracle_chooses_what_reads_the_target_and_is_told(run: Run) -> None:
    """The others are judged by development data of the source language, as they are."""
    recipe, store = run.recipe, run.store
    assert recipe.dev is not None
    read = {"gold": (recipe.target_dev[0].data, "spa"), "source": (recipe.dev, "eng")}
    made = {name: store.make(steps.read(recipe, *given)) for name, given in read.items()}
    assert not any(built for _, built in made.values())
    expected = {
        name: [s.id for s in steps.parts(store, shard)] for name, (shard, _) in made.items()
    }
    assert expected["gold"] != expected["source"]
    rows = query(
        store, "SELECT DISTINCT strategy, key FROM shards WHERE stage = 'train'"
    ).to_pylist()
    judged = {
        r["strategy"]: judged_by(store, r["key"]) for r in rows if r["strategy"] != "ensemble"
    }
    assert set(judged) == {*STRATEGIES, "translate_train", "translate_test"} - {"ensemble"}
    signed = query(store, "SELECT strategy, signature FROM results").to_pylist()
    oracles = {r["strategy"] for r in signed if "|selection:oracle|" in r["signature"]}
    assert oracles == {*judged, "ensemble"} - LEARNING_THE_SOURCE
    for strategy, shards in judged.items():
        assert shards == expected["gold" if strategy in oracles else "source"], strategy


def test_gold_rows_are_added(run: Run) -> None:
    (few,) = run.counts("few_shot", "train")
    (control,) = run.counts("control", "train")
    (kept,) = {sum(c["kept"] for c in run.counts("control", "judge"))}
    assert few["rows"] == 7
    assert control["rows"] == kept + 7
    (every,) = run.counts("translate_train_all", "train")
    assert every["rows"] == kept + 20 + 7  # the corpus, the source, the gold


def test_gold_rows_need_no_account(run: Run) -> None:
    """They are learnt as they are: no corpus has to hold them."""
    with connect(run.store) as connection:
        found = essentials(run.store, connection, run.recipe.run)
    parts = {part.split: part for part in found.parts}
    assert set(parts) == {"train", "back"}
    assert (parts["train"].missing, parts["train"].astray) == (0, 0)


def test_words_are_switched(run: Run) -> None:
    made = run.counts("code_switched", "switch")
    words, switched = (sum(c[n] for c in made) for n in ("words", "words_switched"))
    assert 0.2 < switched / words < 0.6


def test_the_round_trip_learns_what_came_back(run: Run) -> None:
    table = query(
        run.store,
        "SELECT split, source.lang AS a, target.lang AS b, count(*) AS n FROM units GROUP BY ALL",
    )
    found = {row["split"]: row for row in table.to_pylist()}
    assert (found["train"]["a"], found["train"]["b"]) == ("eng", "spa")
    assert (found["back"]["a"], found["back"]["b"]) == ("spa", "eng")
    (train,) = run.counts("round_trip", "train")
    judged = query(run.store, "SELECT count(*) AS n FROM kept WHERE split = 'back'").to_pylist()
    assert train["rows"] == judged[0]["n"] > 10


def test_an_ensemble_is_made_of_both(run: Run) -> None:
    outcome = next(o for o in _outcomes(run) if o["strategy"] == "ensemble")
    stages = {shard["stage"] for _, shard in outcome["shards"]}
    assert {"judge", "train", "predict", "project"} <= stages
    (score,) = outcome["scores"]
    made = Shard(**score)
    assert len(tables.table_to_examples(run.store.read(made))) == 20
    assert 0 <= evaluating.result(run.store, made).value <= 1


def _outcomes(run: Run) -> list[dict[str, Any]]:
    from xltpipe.durable import unseal

    file = run.store.root / "runs" / f"{run.recipe.run}.json"
    record = unseal(file.read_bytes())
    assert record is not None
    return list(record["outcomes"])


def test_the_plan_knows_all_that_was_made(run: Run) -> None:
    planned = plan(run.recipe, run.store)
    assert {p.strategy for p in planned} == set(STRATEGIES)
    assert [p for p in planned if p.done != p.shards] == []
