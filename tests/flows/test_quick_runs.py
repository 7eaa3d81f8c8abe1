"""How runs find their Prefect server: one that is kept, or one of their own that starts early."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests import real_run
from tests.toy_recipe import write_data

pytestmark = pytest.mark.prefect

RECIPE = """\
name = "quick"
targets = ["spa"]
strategies = ["corpus"]
[train]
kind = "conll"
path = "train.conll"
[translation]
kind = "copy"
[projection]
kind = "markers"
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prefect's home, whose database the first run makes."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_data(tmp_path)
    (tmp_path / "quick.toml").write_text(RECIPE)
    return tmp_path / "quick.toml"


def xltpipe(home: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command, with a Prefect of its own, in the folder of the checkout."""
    return subprocess.run(
        [sys.executable, "-c", "from xltpipe.cli import main; main()", *words],
        cwd=real_run.REPOSITORY,
        env=real_run.environment(home, None) | more,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean(done: subprocess.CompletedProcess[str], data: Path) -> str:
    """The words of a run that went well, in which nothing went wrong beside it either."""
    words = done.stdout + done.stderr
    assert done.returncode == 0, words
    log = data / "store" / "server.log"
    for text in (words, log.read_text() if log.exists() else ""):
        assert not re.search(r"Traceback|Error|Exception|WARNING|amplitude", text), text
    return words


def test_runs_with_a_server_of_their_own_are_clean(home: Path, recipe: Path) -> None:
    data = recipe.parent / "data"
    first = xltpipe(home, "run", str(recipe), "--store", str(data))
    assert "on a Prefect server of its own" in clean(first, data)  # with a new database
    again = xltpipe(home, "run", str(recipe), "--store", str(data))
    assert "nothing to do" in clean(again, data)
    assert servers(home) == []


def servers(home: Path) -> list[psutil.Process]:
    """The processes that have this Prefect's home."""
    return [process for process in psutil.process_iter() if _home_of(process) == str(home)]


def _home_of(process: psutil.Process) -> str:
    try:
        return process.environ().get("PREFECT_HOME", "")
    except psutil.Error:
        return ""


def test_a_wrong_recipe_leaves_no_server_behind(home: Path, recipe: Path) -> None:
    recipe.write_text("targets = 5")
    done = xltpipe(home, "run", str(recipe), "--store", str(recipe.parent / "data"))
    assert done.returncode == 2
    assert "Recipe must be valid" in done.stderr
    assert servers(home) == []


def test_a_kept_server_serves_runs_until_it_is_stopped(home: Path, recipe: Path) -> None:
    data, port = recipe.parent / "data", free_port()
    assert "no kept server" in xltpipe(home, "server", "status").stdout
    started = xltpipe(home, "server", "start", "--port", str(port))
    try:
        assert started.returncode == 0, started.stderr
        assert f"http://127.0.0.1:{port}" in started.stdout
        assert "there already" in xltpipe(home, "server", "start", "--port", str(port)).stdout
        status = xltpipe(home, "server", "status")
        assert status.returncode == 0
        assert ": answers" in status.stdout
        done = xltpipe(home, "run", str(recipe), "--store", str(data))
        assert f"on the kept Prefect server http://127.0.0.1:{port}/api" in clean(done, data)
        assert not (data / "store" / "server.log").exists()  # none of its own was started
        flows = real_run.ask(f"http://127.0.0.1:{port}/api", "flow_runs/filter", {})
        assert any(flow["name"].startswith("quick corpus") for flow in flows)
        settings = real_run.fetch(f"http://127.0.0.1:{port}/api/admin/settings")
        assert settings["server"]["analytics_enabled"] is False
    finally:
        stopped = xltpipe(home, "server", "stop")
    assert f"stopped: http://127.0.0.1:{port}" in stopped.stdout
    assert "no kept server" in xltpipe(home, "server", "status").stdout
    assert servers(home) == []


def test_a_kept_server_that_was_killed_is_done_without(home: Path, recipe: Path) -> None:
    started = xltpipe(home, "server", "start", "--port", str(free_port()))
    (number,) = re.findall(r"process (\d+)", started.stdout)
    psutil.Process(int(number)).send_signal(signal.SIGKILL)
    status = xltpipe(home, "server", "status")
    assert status.returncode == 1
    assert "does not answer" in status.stdout
    data = recipe.parent / "data"
    done = xltpipe(home, "run", str(recipe), "--store", str(data))
    assert "on a Prefect server of its own" in clean(done, data)
    assert "no kept server to stop" in xltpipe(home, "server", "stop").stdout


def test_a_port_that_is_taken_is_said(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = xltpipe(home, "server", "start", "--port", str(port))
    assert done.returncode == 2
    assert f"Port must be free, was: {port} taken" in done.stderr
    assert "--port" in done.stderr
