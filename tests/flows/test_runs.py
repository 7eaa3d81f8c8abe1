"""Whole runs as a user starts them: a process, the real model, a real Prefect server.

What a killed or stopped run leaves behind is the point; scores on so few rows mean nothing.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import real_run
from xltpipe.catalogue import query
from xltpipe.store import Store

pytestmark = pytest.mark.prefect

ROWS = 40
KILLS = real_run.moments(seed=7, artefacts=36, count=3)  # a run makes some more than 36


@dataclass
class Story:
    """What happened in one store: the last run's words, and artefacts made twice on the way."""

    data: Path
    words: str
    again: list[str]


@dataclass
class Stories:
    """Runs in three stores on one server, told at once: much of a run is waiting."""

    recipe: Path
    url: str
    env: dict[str, str]
    undisturbed: Future[Story]
    killed: Future[Story]
    stopped: Future[Story]


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stories]:
    folder = tmp_path_factory.mktemp("runs")
    recipe = real_run.write_recipe(folder / "tiny.toml", rows=ROWS)
    with real_run.server(folder / "prefect") as url, ThreadPoolExecutor(3) as pool:
        env = real_run.environment(folder / "prefect", url)
        yield Stories(
            recipe,
            url,
            env,
            pool.submit(undisturbed, recipe, folder / "undisturbed", env),
            pool.submit(killed, recipe, folder / "killed", env),
            pool.submit(stopped, folder, env),
        )


def undisturbed(recipe: Path, data: Path, env: dict[str, str]) -> Story:
    return Story(data, real_run.run(recipe, data, env), [])


def killed(recipe: Path, data: Path, env: dict[str, str]) -> Story:
    """Three runs killed while they work, and one that may end."""
    again: list[str] = []
    for mark, delay in KILLS:
        before = real_run.complete(data)
        process = real_run.start(recipe, data, env)
        real_run.wait_for_artefacts(process, data, mark)
        time.sleep(delay)
        words = real_run.kill(process)
        assert process.returncode == -signal.SIGKILL, words
        again += real_run.built_again(before, real_run.complete(data))
    before = real_run.complete(data)
    words = real_run.run(recipe, data, env)
    return Story(data, words, again + real_run.built_again(before, real_run.complete(data)))


def stopped(folder: Path, env: dict[str, str]) -> Story:
    """A run told to stop while it translates, and one that may end."""
    recipe = real_run.write_long_recipe(folder / "long.toml", rows=1000, shard_rows=100)
    data = folder / "stopped"
    process = real_run.start(recipe, data, env)
    real_run.wait_for_artefacts(process, data, 1, "translate")
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    words, _ = process.communicate(timeout=60)
    took = time.monotonic() - began
    assert process.returncode == 130, words
    assert took < 20, words  # finishing would take longer; a busy machine needs some slack
    assert "what is complete is kept" in words
    before = real_run.complete(data)
    assert len(real_run.manifests(data, "translate")) < 10  # it was really stopped half way
    words = real_run.run(recipe, data, env)
    return Story(data, words, real_run.built_again(before, real_run.complete(data)))


def sql(data: Path, question: str) -> list[dict[str, object]]:
    return query(Store(data / "store"), question).to_pylist()


def test_the_server_of_a_killed_run_ends(stories: Stories, tmp_path: Path) -> None:
    env = real_run.environment(tmp_path / "prefect", None)
    process = real_run.start(stories.recipe, tmp_path, env)
    real_run.wait_for(lambda: real_run.servers_of(process))
    servers = real_run.servers_of(process)
    real_run.kill(process)
    real_run.wait_for(lambda: not any(s.is_running() for s in servers), 5)


def test_scores_of_every_strategy_are_in_the_catalogue(stories: Stories) -> None:
    story = stories.undisturbed.result()
    rows = sql(story.data, "SELECT strategy, value, signature FROM results ORDER BY strategy")
    assert [row["strategy"] for row in rows] == sorted(real_run.ALL)
    assert all(0 <= row["value"] <= 1 and "span_f1|" in row["signature"] for row in rows)
    assert sql(story.data, "SELECT state FROM runs") == [{"state": "completed"}]


def test_rows_in_are_kept_rejected_or_quarantined(stories: Stories) -> None:
    data = stories.undisturbed.result().data
    kept, rejected, quarantined = (
        sql(data, f"SELECT count(*) AS n FROM {view}")[0]["n"]  # noqa: S608 - our own words
        for view in ("kept", "rejected", "quarantined")
    )
    assert kept + rejected + quarantined == ROWS
    by_reason = sql(data, "SELECT reason, count(*) AS n FROM rejected GROUP BY 1")
    assert sum(row["n"] for row in by_reason) == rejected
    shards = sql(data, "SELECT count(*) AS n FROM shards WHERE stage = 'judge'")
    assert shards == [{"n": ROWS // 10}]


def test_the_corpus_loads_with_datasets(stories: Stories, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    data = stories.undisturbed.result().data
    files = [str(p) for p in (data / "store" / "corpus").glob("run=*/**/*.parquet")]
    loaded = datasets.load_dataset(
        "parquet", data_files=files, split="train", cache_dir=str(tmp_path)
    )
    assert len(loaded) == sql(data, "SELECT count(*) AS n FROM kept")[0]["n"]
    assert {"id", "texts", "spans", "tokens", "tags"} <= set(loaded.column_names)
    assert len(loaded[0]["tokens"]) == len(loaded[0]["tags"])


def test_prefect_shows_the_flows_by_name(stories: Stories) -> None:
    run = sql(stories.undisturbed.result().data, "SELECT run FROM runs")[0]["run"]
    wanted = {
        f"{run} eng→spa: zero-shot, translate-test, translate-train",
        "tiny zero-shot eng→spa",
        "tiny translate-test spa→eng",
        "tiny translate-train eng→spa",
    }

    def completed() -> set[str]:
        states = {"type": {"any_": ["COMPLETED"]}}
        flows = real_run.ask(stories.url, "flow_runs/filter", {"flow_runs": {"state": states}})
        return {flow["name"] for flow in flows}

    real_run.wait_for(lambda: wanted <= completed(), pause=0.2)


def test_prefect_names_tasks_by_languages_and_part(stories: Stories) -> None:
    stories.undisturbed.result()
    wanted = {
        "translate eng→spa, train part 4 of 4",
        "project eng→spa, train part 4 of 4",
        "score eng→spa, train part 4 of 4",
        "judge eng→spa, train part 4 of 4",
        "materialise eng→spa train",
        "translate spa→eng, sample part 2 of 2",
        "predict eng, sample part 2 of 2",
    }

    def named() -> set[str]:
        states = {"type": {"any_": ["COMPLETED"]}}
        tasks = real_run.ask(
            stories.url,
            "task_runs/filter",
            {"task_runs": {"state": states, "name": {"any_": sorted(wanted)}}},
        )
        return {task["name"] for task in tasks}

    real_run.wait_for(lambda: wanted <= named(), pause=0.2)


def test_prefect_is_told_of_the_corpus_by_an_event(stories: Stories) -> None:
    data = stories.undisturbed.result().data
    ((run, kept),) = [
        tuple(row.values()) for row in sql(data, "SELECT run, count(*) FROM kept GROUP BY 1")
    ]

    def told() -> list[dict[str, Any]]:
        wanted = {"event": {"name": ["xltpipe.corpus.materialised"]}}
        found = real_run.ask(stories.url, "events/filter", {"filter": wanted})["events"]
        return [one for one in found if one["payload"]["folder"].startswith(str(data))]

    real_run.wait_for(told, pause=0.2)
    first = min(told(), key=lambda one: one["occurred"])
    assert first["resource"]["prefect.resource.id"] == f"xltpipe.corpus.{run}.spa.train"
    assert first["resource"]["xltpipe.new"] == "true"
    assert first["payload"]["counts"]["rows"] == kept
    roles = {one["prefect.resource.role"] for one in first["related"]}
    assert {"flow-run", "task-run"} <= roles


def test_prefect_shows_the_progress_of_long_stages(stories: Stories) -> None:
    data = stories.stopped.result().data
    run = sql(data, "SELECT run FROM runs")[0]["run"]

    def shown() -> list[dict[str, Any]]:
        wanted = {"type": {"any_": ["progress"]}, "key": {"any_": [f"{run}-translate"]}}
        return list(real_run.ask(stories.url, "artifacts/filter", {"artifacts": wanted}))

    real_run.wait_for(lambda: any(one["data"] == 100 for one in shown()), pause=0.2)
    last = max(shown(), key=lambda one: one["created"])
    assert last["description"].startswith("translate: 1,000 of 1,000 rows, ")


def test_automations_are_installed_once_and_stay_off_if_they_were(stories: Stories) -> None:
    def install(*files: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tasks.automations", *files],
            cwd=real_run.REPOSITORY,
            env=stories.env,
            capture_output=True,
            text=True,
            check=False,
        )

    def there() -> list[dict[str, Any]]:
        return list(real_run.ask(stories.url, "automations/filter", {}))

    assert install().returncode == 0
    first = there()
    names = {one["name"] for one in first}
    assert names == {"xltpipe lost runs are found", "xltpipe crashed runs go on"}
    real_run.ask(stories.url, f"automations/{first[0]['id']}", {"enabled": False}, "PATCH")
    assert install().returncode == 0
    assert {one["id"]: one["enabled"] for one in there()} == {
        first[0]["id"]: False,
        first[1]["id"]: True,
    }
    told = install("flows/automations/train-on-new-corpus.yaml")
    assert told.returncode == 2
    assert "Deployment must be there before its automation, was: no 'launch/" in told.stderr
    assert install("pyproject.toml").returncode == 2
    assert len(there()) == 2


def test_prefect_shows_the_essentials_as_artifacts(stories: Stories) -> None:
    data = stories.undisturbed.result().data
    run = sql(data, "SELECT run FROM runs")[0]["run"]

    def shown() -> dict[str, dict[str, Any]]:
        every = real_run.ask(stories.url, "artifacts/filter", {})
        return {one["key"].removeprefix(f"{run}-"): one for one in every}

    wanted = {"summary", "results", "scores", "corpus", "report"}
    real_run.wait_for(lambda: wanted <= set(shown()), 60, 0.2)
    found = shown()
    summary = found["summary"]["data"]
    assert f"| Spanish, train | {ROWS} |" in summary
    assert "read = kept + rejected + quarantined" in summary
    signatures = sql(data, "SELECT signature FROM results")
    assert all(str(row["signature"]) in summary for row in signatures)
    table = json.loads(found["results"]["data"])
    assert {row["strategy"] for row in table} == set(real_run.ALL)
    (row,) = json.loads(found["scores"]["data"])
    assert (row["language"], row["test"]) == ("Spanish", "sample")
    assert {row[strategy] for strategy in real_run.ALL} == {one["span_f1"] for one in table}
    corpus = data / "store" / "corpus" / f"run={run}"
    # the other stories are of the same run, in folders of their own
    told = real_run.ask(stories.url, "artifacts/filter", {})
    links = {one["data"] for one in told if one["key"] == f"{run}-corpus"}
    assert f"[{corpus}]({corpus.as_uri()})" in links
    assert (data / "reports" / f"{run}.html").is_file()


def test_a_second_run_makes_nothing(stories: Stories) -> None:
    data = stories.undisturbed.result().data
    before = real_run.complete(data)
    assert "nothing to do" in real_run.run(stories.recipe, data, stories.env)
    assert real_run.complete(data) == before


def test_a_damaged_shard_is_told_and_mended(stories: Stories) -> None:
    data = stories.undisturbed.result().data
    before, corpus = real_run.complete(data), real_run.corpus(data)
    damaged = next((data / "store" / "translate").glob("??/*/part-00000.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-9])
    name = f"translate/{damaged.parent.name}"
    words = real_run.run(stories.recipe, data, stories.env)
    assert f"{name[:16]} is not whole" in words
    assert real_run.built_again(before, real_run.complete(data)) == [name]
    assert real_run.corpus(data) == corpus


def test_killed_runs_go_on_where_they_were(stories: Stories) -> None:
    killed, whole = stories.killed.result(), stories.undisturbed.result()
    assert killed.again == []
    assert real_run.complete(killed.data).keys() == real_run.complete(whole.data).keys()
    assert real_run.corpus(killed.data) == real_run.corpus(whole.data)
    assert list((killed.data / "store" / ".tmp").iterdir()) == []
    question = "SELECT strategy, value, signature FROM results ORDER BY 1"
    assert sql(killed.data, question) == sql(whole.data, question)


def test_a_stopped_run_goes_on_where_it_was(stories: Stories) -> None:
    stopped = stories.stopped.result()
    assert stopped.again == []
    assert sql(stopped.data, "SELECT state FROM runs") == [{"state": "completed"}]
