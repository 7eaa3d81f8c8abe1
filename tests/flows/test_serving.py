"""Deployments as people use them: served by one process with a real Prefect server.

A schedule fires, a run with other parameters makes another corpus, new data start a run.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator

import pytest

from tests import real_run
from tests.flows.deployed import Project, project, runs
from xltpipe.catalogue import query
from xltpipe.store import Store

pytestmark = pytest.mark.prefect

EVERY = 4
"""Seconds between two looks for new data."""

NEW = "\nZoe B-PER\nsang O\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = project(
        tmp_path_factory.mktemp("served"), port, EVERY, [("strategies", ["corpus"]), ("tests", [])]
    )
    process = made.start(
        *("serve", "--file", "deployments.yaml", "--port", str(port), "--limit", "2")
    )

    def ready() -> bool:
        assert process.poll() is None, made.words("serve")
        return "being served" in made.words("serve")

    real_run.wait_for(ready, 240, 0.2)
    yield made
    paused_before = made.deployment("revisions")["paused"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, made.words("serve")
    assert not paused_before
    assert "All deployments have been paused" in made.words("serve")
    assert made.start("server", "stop").wait(60) == 0


def corpus(made: Project, run: str) -> list[str]:
    found = query(
        Store(made.home / "data" / "store"),
        f"SELECT id FROM kept WHERE starts_with(run, '{run}') AND lang = 'spa' ORDER BY 1",  # noqa: S608
    )
    return [str(row["id"]) for row in found.to_pylist()]


def run_of(made: Project, changed: str) -> str:
    """The run whose recipe has this many rows to a shard."""
    (found,) = [r for r in runs(made.home / "data") if r["recipe"]["shard_rows"] == int(changed)]
    return str(found["run"])


def test_what_is_served_is_what_the_file_says(served: Project) -> None:
    toy, watch = served.deployment("toy"), served.deployment("revisions")
    assert (toy["description"], toy["tags"]) == ("A recipe of a test.", ["test"])
    assert toy["parameters"] == {"recipe": "toy", "limit": 4}
    assert toy["global_concurrency_limit"]["limit"] == 1
    assert watch["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    ((schedule),) = watch["schedules"]
    assert (schedule["schedule"]["interval"], schedule["active"]) == (EVERY, True)


def test_changed_parameters_run_what_they_say(served: Project) -> None:
    asked = {"recipe": "toy", "limit": 3, "changes": {"shard_rows": 2, "labels": ["PER"]}}
    state = served.ended(served.run("toy", asked))
    assert state["state_name"] == "Completed", state
    assert state["name"].startswith("toy limit 3 shard_rows=2 labels=['PER']")
    run = run_of(served, "2")
    assert corpus(served, run) == ["train-1", "train-2", "train-3"]
    labels = query(
        Store(served.home / "data" / "store"),
        f"SELECT DISTINCT label FROM spans WHERE run = '{run}'",  # noqa: S608
    )
    assert labels.to_pylist() == [{"label": "PER"}]


def test_a_wrong_recipe_is_told_where_the_run_is_shown(served: Project) -> None:
    state = served.ended(served.run("toy", {"recipe": "nope"}))
    assert state["state_type"] == "FAILED"
    assert "RecipeError: Recipe must be a file below" in state["state"]["message"]
    assert "there are: toy" in state["state"]["message"]


def test_the_schedule_fires_and_new_data_start_a_run(served: Project) -> None:
    """The first look runs the recipe, later ones find nothing new, until rows come in."""

    def seen(name: str) -> bool:
        return any(run["state_name"] == name for run in served.scheduled("revisions"))

    real_run.wait_for(lambda: seen("Nothing new"), 240, 0.3)
    assert seen("Completed")
    whole = [r for r in runs(served.home / "data") if r["recipe"]["train"]["limit"] is None]
    assert [r["state"] for r in whole] == ["completed"]
    assert len(corpus(served, whole[0]["run"])) == 6
    file = served.home / "recipes" / "train.conll"
    file.write_text(file.read_text("utf-8") + NEW, encoding="utf-8")

    def again() -> bool:
        found = [r for r in runs(served.home / "data") if r["recipe"]["train"]["limit"] is None]
        return len(found) == 2 and all(r["state"] == "completed" for r in found)

    real_run.wait_for(again, 240, 0.3)
    last = runs(served.home / "data")[-1]
    # the catalogue is written when the record is complete
    real_run.wait_for(lambda: len(corpus(served, last["run"])) == 7, 60, 0.3)
