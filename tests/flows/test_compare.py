"""A real comparison by Prefect: killed half way, taken up again, nothing made twice."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from tests import real_run
from tests.compared_recipe import MARKERS, XML
from tests.shared_runs import made
from tests.toy_recipe import RULES, TRAIN, settings, write_data
from xltpipe.catalogue import connect, query
from xltpipe.reporting.findings import essentials
from xltpipe.store import Store

pytestmark = pytest.mark.prefect

MATRIX: dict[str, Any] = {
    "strategies": ["zero_shot", "translate_train"],
    "seeds": [1, 2],
    "subsample": 0.8,
    "projections": [MARKERS, XML],
    "baseline": "zero_shot",
    "rounds": 99,
}


def recipe(folder: Path, *, changed: Any = None, **more: Any) -> Path:
    write_data(folder)
    whole = settings(matrix=MATRIX | more, rules=RULES, name="killed", **(changed or {}))
    (folder / "killed.toml").write_text(tomli_w.dumps(whole))
    return folder / "killed.toml"


def test_a_comparison_that_was_killed_goes_on(tmp_path: Path, prefect_server: str) -> None:
    """With cells side by side, which may need the same artefact at once."""
    file, data = recipe(tmp_path, at_once=2), tmp_path / "data"
    env = real_run.environment(tmp_path / "prefect", prefect_server)
    process = real_run.start(file, data, env, ("compare",))
    real_run.wait_for_artefacts(process, data, 3, "evaluate")
    real_run.kill(process)  # waits until nobody holds its output: its cells have ended, too
    before = real_run.complete(data)
    records = {path.name: path.read_bytes() for path in completed(data)}
    assert records
    assert any(r["state"] == "running" for r in comparisons(data))

    words = real_run.run(file, data, env, verb=("compare",))
    after = real_run.complete(data)
    assert real_run.built_again(before, after) == []
    assert made(words).total() == len(after) - len(before)
    assert (
        f"6 cells, {len(records)} recorded before, {6 - len(records)} run now, 0 not run" in words
    )
    assert all((data / "store/runs" / n).read_bytes() == text for n, text in records.items())
    (record,) = comparisons(data)
    assert record["state"] == "completed"
    assert [cell["state"] for cell in record["cells"]] == ["recorded"] * 6


def test_a_cell_that_fails_stops_no_other(tmp_path: Path, prefect_server: str) -> None:
    crf = {"kind": "crf", "max_iterations": 5}
    nothing = {"kind": "subsample", "share": 1e-9, "of": crf}
    trainings = [{"name": "none", "training": nothing}, {"name": "crf", "training": crf}]
    one = {"strategies": ["zero_shot"], "seeds": [1], "projections": [MARKERS], "at_once": 2}
    file, data = recipe(tmp_path, trainings=trainings, **one), tmp_path / "data"
    process = real_run.start(
        file, data, real_run.environment(tmp_path / "prefect", prefect_server), ("compare",)
    )
    words, _ = process.communicate(timeout=240)
    assert process.returncode == 1, words
    assert "2 cells, 0 recorded before, 1 run now, 1 not run" in words
    assert "1 cell not run (spa.zero_shot.none): failed: " in words
    assert "Traceback" not in words
    (record,) = comparisons(data)
    assert record["state"] == "failed"
    assert [cell["state"] for cell in record["cells"]] == ["failed", "recorded"]


def test_a_cell_costs_what_the_corpora_of_all_languages_took(
    tmp_path: Path, prefect_server: str
) -> None:
    one = {"targets": ["spa"], "strategies": ["translate_train_all"], "seeds": [1]}
    one |= {"projections": [MARKERS], "baseline": "translate_train_all"}
    file = recipe(tmp_path, changed={"targets": ["spa", "por"]}, **one)
    seen = TRAIN[: TRAIN.index("\n\n") + 2]
    (tmp_path / "test.conll").write_text(
        seen + (tmp_path / "test.conll").read_text("utf-8"), "utf-8"
    )
    data = tmp_path / "data"
    env = real_run.environment(tmp_path / "prefect", prefect_server)
    words = real_run.run(file, data, env, verb=("compare",))
    assert "1 cells, 0 recorded before, 1 run now, 0 not run" in words
    (record,) = comparisons(data)
    (leak,) = record["leaks"]
    assert (leak["kind"], leak["count"]) == ("duplicate", 1)
    (cell,) = record["cells"]
    made = [json.loads(path.read_bytes()) for path in real_run.manifests(data)]
    assert Counter(m["stage"] for m in made)["translate"] == 4  # two shards, in two languages
    taken = sum(m["seconds"] for m in made if m["stage"] != "leaks")  # of the whole comparison
    assert cell["seconds"] == pytest.approx(taken)
    # the rows of the other language are no rows of this run
    store = Store(data / "store")
    told = query(store, "SELECT lang, count(*) AS n FROM units GROUP BY ALL").to_pylist()
    assert told == [{"lang": "spa", "n": 6}]
    with connect(store) as connection:
        counted = essentials(store, connection, cell["run"])
    assert counted.sound
    assert [(part.lang, part.read) for part in counted.parts] == [("spa", 6)]

    before = real_run.complete(data)
    words = real_run.run(file, data, env, verb=("compare",))
    assert "1 cells, 1 recorded before, 0 run now" in words
    assert real_run.complete(data) == before
    page = data / "reports" / f"{record['comparison']}.html"
    shown = page.read_text(encoding="utf-8")
    assert "<script" not in shown
    assert "Seen before</h2><ul><li>1 row of test small (spa) are in train" in shown


def completed(data: Path) -> list[Path]:
    files = (data / "store" / "runs").glob("*.json")
    return [f for f in files if json.loads(f.read_bytes())["state"] == "completed"]


def comparisons(data: Path) -> list[dict[str, Any]]:
    return [json.loads(f.read_bytes()) for f in (data / "store" / "comparisons").glob("*.json")]
