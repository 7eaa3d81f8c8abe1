"""Scoring that falls over on a row, and scoring that is killed: no row is lost, nothing is silent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import real_run
from xltpipe.catalogue import query
from xltpipe.store import Store

pytestmark = pytest.mark.prefect

ROWS = 40


@dataclass
class Runs:
    folder: Path
    env: dict[str, str]

    def start(
        self, recipe: Path, data: Path, seconds: float = 0.0, poison: str = ""
    ) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.flows.faulty_run", str(seconds), poison]
        return subprocess.Popen(
            [*command, "run", str(recipe)],
            cwd=real_run.REPOSITORY,
            env=self.env | {"XLTPIPE_DATA": str(data)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    folder = tmp_path_factory.mktemp("faults")
    with real_run.server(folder / "prefect") as url:
        yield Runs(folder, real_run.environment(folder / "prefect", url))


def recipe(folder: Path, name: str, *, quarantine: bool = False) -> Path:
    path = real_run.write_long_recipe(
        folder / f"{name}.toml", rows=ROWS, shard_rows=10, strategies=("corpus",)
    )
    if quarantine:
        path.write_text('on_error = "quarantine"\n' + path.read_text(encoding="utf-8"))
    return path


def counted(data: Path) -> dict[str, int]:
    rows = query(
        Store(data / "store"),
        """SELECT count(*) AS given, count(*) FILTER (reason IS NULL AND error IS NULL) AS kept,
                  count(*) FILTER (reason IS NOT NULL) AS rejected,
                  count(*) FILTER (error IS NOT NULL) AS quarantined FROM units""",
    )
    return dict(rows.to_pylist()[0])


def poisoned(folder: Path) -> str:
    """A word that one row of the data has and no other."""
    lines = (folder / "poison.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum('"row-17"' in line for line in lines) == 1
    return " 17"


def test_a_row_that_scoring_falls_over_fails_the_run_by_name(runs: Runs) -> None:
    made = recipe(runs.folder, "poison")
    process = runs.start(made, runs.folder / "failed", poison=poisoned(runs.folder))
    words, _ = process.communicate(timeout=240)
    assert process.returncode == 2, words
    assert "ZeroDivisionError: the scorer fell over, at row 'row-17'" in words
    assert "Traceback" not in words
    state = query(Store(runs.folder / "failed" / "store"), "SELECT state, error FROM runs")
    ((kind, error),) = [tuple(row.values()) for row in state.to_pylist()]
    assert kind == "failed"
    assert "row-17" in error
    assert not list((runs.folder / "failed" / "store").glob("corpus/**/*.parquet"))


def failures(runs: Runs, name: str) -> dict[str, str]:
    """The messages of failed tasks, as Prefect shows them beside the task."""
    found = real_run.ask(
        runs.env["PREFECT_API_URL"],
        "task_runs/filter",
        {"task_runs": {"state": {"type": {"any_": ["FAILED"]}}, "name": {"like_": name}}},
    )
    return {task["name"]: task["state"]["message"] for task in found}


def test_prefect_shows_why_a_shard_failed_without_its_log(runs: Runs) -> None:
    name = "score eng→spa, train part 2 of 4"
    real_run.wait_for(lambda: failures(runs, name), pause=0.2)
    message = failures(runs, name)[name]
    assert "DataError: Stage score must not fail" in message
    assert "at row 'row-17'" in message
    assert 'set on_error = "quarantine" to go on without' in message
    assert f"(at {name}; when that is mended, run again" in message
    flows = real_run.ask(
        runs.env["PREFECT_API_URL"],
        "flow_runs/filter",
        {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
    )
    assert flows
    assert all(
        f"(at {name}; when that is mended, run again" in flow["state"]["message"] for flow in flows
    )
    (summary,) = real_run.ask(
        runs.env["PREFECT_API_URL"],
        "artifacts/filter",
        {"artifacts": {"key": {"like_": "poison-%-summary"}}},
    )[:1]
    assert "**Stopped by** DataError: Stage score must not fail" in summary["data"]


def test_prefect_shows_where_a_file_is_wrong(runs: Runs) -> None:
    made = recipe(runs.folder, "torn")
    file = runs.folder / "torn.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    lines[6] = lines[6].replace('"start": 0', '"start": 9999')
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    process = runs.start(made, runs.folder / "torn")
    words, _ = process.communicate(timeout=240)
    assert process.returncode == 2, words
    real_run.wait_for(lambda: failures(runs, "read eng"), pause=0.2)
    message = failures(runs, "read eng")["read eng"]
    assert "spans[0] must satisfy 0 <= start < end" in message
    assert "was: start=9999, end=" in message
    assert f"({file}:7) (at read eng; when that is mended, run again" in message


def test_quarantine_sets_that_row_aside_and_says_so(runs: Runs) -> None:
    made = recipe(runs.folder, "poison", quarantine=True)
    data = runs.folder / "aside"
    process = runs.start(made, data, poison=poisoned(runs.folder))
    words, _ = process.communicate(timeout=240)
    assert process.returncode == 0, words
    found = counted(data)
    assert found["given"] == ROWS == found["kept"] + found["rejected"] + found["quarantined"]
    errors = query(Store(data / "store"), "SELECT id, error FROM quarantined").to_pylist()
    assert errors == [{"id": "row-17", "error": "score: ZeroDivisionError: the scorer fell over"}]
    page = data / "report.html"
    command = [sys.executable, "-c", "from xltpipe.cli import main; main()", "report", "poison"]
    told = subprocess.run(
        [*command, "--out", str(page), "--store", str(data)],
        cwd=real_run.REPOSITORY,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    text = page.read_text(encoding="utf-8")
    assert "the scorer fell over" in text
    assert "row-17" in text


def test_scoring_that_is_killed_goes_on_where_it_was(runs: Runs) -> None:
    made = recipe(runs.folder, "killed")
    data, whole = runs.folder / "killed", runs.folder / "whole"
    process = runs.start(made, data, seconds=1.0)
    real_run.wait_for_artefacts(process, data, 1, "score")
    real_run.wait_for(lambda: list((data / "store" / ".tmp").iterdir()))
    words = real_run.kill(process)
    assert process.returncode == -signal.SIGKILL, words
    before = real_run.complete(data)
    scored = len(real_run.manifests(data, "score"))
    assert 1 <= scored < ROWS // 10
    real_run.run(made, data, runs.env)
    after = real_run.complete(data)
    assert real_run.built_again(before, after) == []
    found = counted(data)
    assert found["given"] == ROWS == found["kept"] + found["rejected"] + found["quarantined"]
    real_run.run(made, whole, runs.env)
    assert real_run.corpus(whole) == real_run.corpus(data)
    assert real_run.complete(whole).keys() == after.keys()


def test_batches_make_what_single_shards_make_and_name_the_one_that_fails(runs: Runs) -> None:
    made = recipe(runs.folder, "poison")
    data = runs.folder / "batches"
    env, runs.env = runs.env, runs.env | {"MOST": "1"}
    try:
        process = runs.start(made, data, poison=poisoned(runs.folder))
        words, _ = process.communicate(timeout=240)
        assert process.returncode == 2, words
        assert "fell over, at row 'row-17'; " in words
        assert "(at score eng→spa, train parts 1-4 of 4; " in words
        assert "(1 of the 4 shards of this task failed" in words
        assert "Traceback" not in words
        assert len(real_run.manifests(data, "score")) == 3  # all but the one
        before = real_run.complete(data)
        process = runs.start(made, data)
        words, _ = process.communicate(timeout=240)
        assert process.returncode == 0, words
    finally:
        runs.env = env
    assert real_run.built_again(before, real_run.complete(data)) == []
    whole = runs.folder / "singly"
    real_run.run(made, whole, runs.env)
    assert real_run.corpus(whole) == real_run.corpus(data)
