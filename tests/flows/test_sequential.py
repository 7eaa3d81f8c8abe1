"""One model learns language after language: real runs, killed, compared over seeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import real_run, sequential_recipe
from tests.shared_runs import made
from tests.toy_recipe import RULES
from xltpipe.catalogue import connect, query
from xltpipe.plan import plan
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import load
from xltpipe.reporting.findings import essentials
from xltpipe.reporting.section_results import results as results_section
from xltpipe.store import Store

pytestmark = pytest.mark.prefect


class Run:
    """A run that was killed after its first stage, and run again.

    By default corpora are learnt: here of an engine that copies, so of English words.
    """

    def __init__(self, folder: Path, server: str) -> None:
        order = {"order": ["eng", "spa"]}  # Arabic is a target, and not learnt
        changes = {"sequence": order, "supervised": None, "rules": RULES}
        file, self.data = sequential_recipe.write_recipe(folder, **changes), folder / "data"
        env = real_run.environment(folder / "prefect", server)
        process = real_run.start(file, self.data, env)
        real_run.wait_for_artefacts(process, self.data, 1, "train")
        real_run.kill(process)
        self.before = real_run.complete(self.data)
        self.words = real_run.run(file, self.data, env)
        self.after = real_run.complete(self.data)
        self.recipe: Recipe = load(file)
        self.store = Store(self.data / "store")

    def ask(self, sql: str) -> list[dict[str, Any]]:
        return list(query(self.store, sql).to_pylist())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> Run:
    return Run(tmp_path_factory.mktemp("sequential"), prefect_server)


def test_nothing_is_made_twice(run: Run) -> None:
    assert any(name.startswith("train/") for name in run.before)
    assert real_run.built_again(run.before, run.after) == []
    assert made(run.words).total() == len(run.after) - len(run.before)
    assert sum(name.startswith("train/") for name in run.after) == 2  # not two per language
    planned = plan(run.recipe, run.store)
    assert {p.target for p in planned} == {"eng", "spa"}
    assert [p for p in planned if p.done != p.shards] == []


def test_every_stage_is_scored_on_every_language(run: Run) -> None:
    rows = run.ask("SELECT * FROM transfer_matrix")
    scores = {(row["learning"], row["lang"]): row["value"] for row in rows}
    assert len(scores) == len(rows) == 4
    assert scores["eng", "eng"] == scores["spa", "eng"] == 1  # the same rows again
    roles = {(row["stage"], row["lang"]): row["role"] for row in rows}
    own, later = {(0, "eng"): "own", (1, "spa"): "own"}, {(1, "eng"): "later"}
    assert roles == own | later | {(0, "spa"): "zero_shot"}
    (second,) = [r for r in rows if (r["stage"], r["lang"]) == (1, "eng")]
    assert second["learnt"] == ["eng", "spa"]
    for part in ("strategy:sequential", "learnt:eng>spa", "stage:1", "lang:eng"):
        assert f"|{part}|" in second["signature"]
    assert all("|data:translate_train|" in row["signature"] for row in rows)


def test_each_stage_has_a_model(run: Run) -> None:
    lines = [line for line in run.words.splitlines() if line.startswith("model: ")]
    (first, told_first), (second, told_second) = (line.split("/tagger ") for line in lines)
    assert told_first == "(sequential eng: eng, spa)"
    assert told_second == "(sequential eng > spa: eng, spa)"
    assert first != second


def test_what_is_forgotten_is_told_everywhere(run: Run) -> None:
    (eng,) = run.ask("SELECT * FROM forgetting WHERE lang = 'eng'")
    (spa,) = run.ask("SELECT * FROM forgetting WHERE lang = 'spa'")
    assert eng["transfer"] is None
    assert eng["forgetting"] == pytest.approx(eng["own"] - eng["last"])
    assert spa["transfer"] is not None
    assert "eng > spa, mean forgetting" in run.words
    line = next(line for line in run.words.splitlines() if line.startswith("forgetting"))
    assert line.split()[1] == f"{eng['forgetting']:.4f}"
    with connect(run.store) as connection:
        found = essentials(run.store, connection, run.recipe.run)
    assert found.sound
    page = results_section(found)
    assert "Learnt one after another: eng &gt; spa, mean forgetting" in page
    assert "sequential eng&gt;spa" in page
    assert (run.data / "reports" / f"{run.recipe.run}.html").exists()


def test_a_comparison_over_seeds(tmp_path: Path, prefect_server: str) -> None:
    matrix = {
        "strategies": ["sequential", "supervised"],
        "seeds": [1, 2],
        "baseline": "supervised",
        "rounds": 99,
    }
    file = sequential_recipe.write_recipe(tmp_path, strategies=["supervised"], matrix=matrix)
    data, told = tmp_path / "data", tmp_path / "told.json"
    env = real_run.environment(tmp_path / "prefect", prefect_server)
    verb = ("compare", "--json", str(told))
    words = real_run.run(file, data, env, verb=verb)
    # sequential on three languages, supervised on two; three stages and two languages to learn
    assert "10 cells, 0 recorded before, 10 run now, 0 not run" in words
    assert made(words)["train"] == 2 * (3 + 2)
    record = json.loads(told.read_text("utf-8"))
    (transfer,) = record["transfer"]
    assert transfer["languages"] == ["eng", "spa", "ara"]
    assert transfer["seeds"] == [1, 2]
    own = [transfer["scores"][n][n] for n in range(3)]
    assert own == [[1.0, 0.0]] * 3  # each language is learnt, by both seeds
    signed = [s for row in record["rows"] for s in row["signatures"] if "sequential" in s]
    assert all("|data:supervised|" in signature for signature in signed)
    rows = {(r["target"], r["strategy"], r["learnt"]): r for r in record["rows"]}
    assert len(rows) == 9 + 2
    assert rows["spa", "supervised", None]["baseline"]
    last = rows["spa", "sequential", "eng>spa>ara"]
    assert last["n"] == 2
    assert last["difference"] is not None
    assert rows["eng", "sequential", "eng"]["untested"] == "its baseline has no score"
    assert "eng > spa > ara" in words
    assert "2 seeds, mean forgetting" in words
    page = (data / "reports" / f"{record['comparison']}.html").read_text("utf-8")
    assert "Learnt one after another" in page
    assert "<h2>English</h2>" in page
    seen = query(
        Store(data / "store"),
        "SELECT learnt, n, mean FROM comparison_summary WHERE strategy = 'sequential'",
    ).to_pylist()
    assert len(seen) == 9
    words = real_run.run(file, data, env, verb=verb)
    assert "10 cells, 10 recorded before, 0 run now" in words
