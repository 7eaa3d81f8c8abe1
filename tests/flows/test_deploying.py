"""`xltpipe deploy` and a real worker; `xltpipe watch` on a terminal. Slow: many processes start."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import real_run
from tests.flows.deployed import Project, project, runs
from xltpipe.catalogue import query
from xltpipe.store import Store

pytestmark = [pytest.mark.prefect, pytest.mark.slow]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    home = tmp_path_factory.mktemp("deployed")
    with real_run.server(home / "prefect") as url:
        port = int(url.removesuffix("/api").rsplit(":", 1)[1])
        one = project(home, port, 3600, [("strategies", ["corpus"]), ("tests", [])])
        one.env["PREFECT_API_URL"] = url
        yield one


def rows(made: Project) -> int:
    last = runs(made.home / "data")[-1]["run"]
    question = f"SELECT count(*) AS n FROM kept WHERE run = '{last}'"  # noqa: S608
    return int(query(Store(made.home / "data" / "store"), question).to_pylist()[0]["n"])


def test_without_a_server_deploy_says_what_is_missing(made: Project) -> None:
    env = {k: v for k, v in made.env.items() if k != "PREFECT_API_URL"}
    alone = Project(made.home, env | {"PREFECT_HOME": str(made.home / "none")}, made.url)
    process = alone.start("deploy")
    assert process.wait(120) == 2
    assert "Prefect server must be configured, was: none" in alone.words("deploy")


def test_a_worker_runs_what_was_deployed(made: Project) -> None:
    """The checkout's own file: all deployments, both pools, one run by a worker."""
    process = made.start("deploy")
    assert process.wait(240) == 0, made.words("deploy")
    assert "deployed launch/experiment in cpu" in made.words("deploy")
    pools = {p["name"]: p["type"] for p in made.ask("work_pools/filter", {})}
    assert {"cpu": "process", "docker": "docker"}.items() <= pools.items()
    docker = made.deployment("experiment-docker")
    assert docker["job_variables"]["image"] == "xltpipe:latest"
    worker = subprocess.Popen(
        [sys.executable, "-m", "prefect", "worker", "start", "--pool", "cpu", "--type", "process"],
        cwd=made.home,
        env=made.env,
        stdin=subprocess.DEVNULL,
        stdout=(made.home / "worker.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        id = made.run("experiment", {"recipe": "toy", "strategies": ["corpus"], "limit": 5})
        state = made.ended(id)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(60)
    assert state["state_name"] == "Completed", (made.home / "worker.log").read_text("utf-8")
    assert rows(made) == 5


def test_watch_runs_new_revisions_and_nothing_else(made: Project) -> None:
    recipe = str(made.home / "recipes" / "toy.toml")
    verb = ("watch", recipe, "--once", "--settle", "0.1", "--store", str(made.home / "data"))
    assert made.start(*verb).wait(240) == 0, made.words("watch")
    assert f"{recipe}: new revision: toy-" in made.words("watch")
    assert rows(made) == 6
    assert made.start(*verb).wait(240) == 0
    assert made.words("watch") == ""
    file = made.home / "recipes" / "train.conll"
    file.write_text(file.read_text("utf-8") + "\nZoe B-PER\nsang O\n", encoding="utf-8")
    assert made.start(*verb).wait(240) == 0
    assert rows(made) == 7
    Path(recipe).write_text("name = 3\n", encoding="utf-8")
    assert made.start(*verb).wait(240) == 2
    assert "Recipe must be valid" in made.words("watch")
