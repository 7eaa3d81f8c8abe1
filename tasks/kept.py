"""A Prefect server that is kept for quick runs: started once, found by every run after that.

It lies in Prefect's home (PREFECT_HOME, else ~/.prefect), whose database it serves, and is known
there by a small file. It has Prefect's interface and services, like `prefect server start`, with
the settings that xltpipe gives its own servers.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from xltpipe.durable import write_whole
from xltpipe.errors import RecipeError, TransientError

LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Kept:
    """A server that was started: its API, its process, and the version of Prefect."""

    url: str
    process: int
    prefect: str
    started: str

    @property
    def page(self) -> str:
        """The address of its interface."""
        return self.url.removesuffix("/api")


def home() -> Path:
    """Prefect's home, as Prefect finds it by default."""
    return Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")


def _file() -> Path:
    return home() / "xltpipe-server.json"


def log_file() -> Path:
    """What the server itself says."""
    return home() / "xltpipe-server.log"


def find() -> Kept | None:
    """The kept server, if there is one that answers and is of our version of Prefect."""
    known = known_server()
    if known is None or known.prefect != version("prefect") or not answers(known):
        return None
    return known


def known_server() -> Kept | None:
    """The server that was started and not stopped, whether it lives or not."""
    try:
        return Kept(**json.loads(_file().read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def answers(server: Kept) -> bool:
    """Whether it lives and says so."""
    try:
        os.kill(server.process, 0)
        with urllib.request.urlopen(f"{server.url}/health", timeout=2) as answer:  # noqa: S310 - ours
            return bool(answer.status == 200)
    except OSError:
        return False


def start(port: int, patience: float = 120.0) -> Kept:
    """Start a server that lives on, and wait until it answers.

    Raises:
        RecipeError: the port is taken. TransientError: it does not answer in time.
    """
    _free(port)
    home().mkdir(parents=True, exist_ok=True)
    url = f"http://{LOCALHOST}:{port}/api"
    with log_file().open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tasks.kept", str(port)],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"PREFECT_SERVER_UI_API_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    server = Kept(url, child.pid, version("prefect"), now)
    write_whole(_file(), json.dumps(asdict(server)) + "\n")
    until = time.monotonic() + patience
    while child.poll() is None and time.monotonic() < until:
        if answers(server):
            return server
        time.sleep(0.1)
    child.kill()
    _file().unlink(missing_ok=True)
    raise TransientError(
        f"Prefect server must answer within {patience:.0f} s, was: silent; see {log_file()}"
    )


def stop(patience: float = 10.0) -> Kept | None:
    """End the kept server; None if there is none. A run that uses it loses it."""
    server = known_server()
    if server is None or not answers(server):  # its number may be another process's by now
        _file().unlink(missing_ok=True)
        return None
    os.kill(server.process, signal.SIGTERM)
    until = time.monotonic() + patience
    while _alive(server.process) and time.monotonic() < until:
        time.sleep(0.05)
    if _alive(server.process):
        os.kill(server.process, signal.SIGKILL)
    _file().unlink(missing_ok=True)
    return server


def _alive(process: int) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process, os.WNOHANG)  # a child, if it was started by this very process
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will do
        try:
            probe.bind((LOCALHOST, port))
        except OSError as error:
            raise RecipeError(
                f"Port must be free, was: {port} taken ({error.strerror}); name another by --port"
            ) from error


def main(port: int) -> None:
    """Serve until told to stop."""
    import uvicorn
    from prefect.server.api.server import create_app

    uvicorn.run(create_app(final=True), host=LOCALHOST, port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]))
