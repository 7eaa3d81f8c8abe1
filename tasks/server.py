"""A Prefect server for one run, where none is configured: it ends when its run does, however.

Prefect would start one by itself, but that one lives on when the run is killed (docs/findings.md),
and it is only started when the flows are already loaded; this one starts meanwhile.
"""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError

from tasks.migrated import known, remember
from xltpipe.errors import TransientError

_servers: dict[str, subprocess.Popen[bytes]] = {}
LOCALHOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Started:
    """A server that is coming up: its API and its process."""

    url: str
    child: subprocess.Popen[bytes]


_early: list[Started] = []


@contextmanager
def early(log: Path) -> Iterator[None]:
    """Start the server that `own_server` will take; one that nobody took is stopped."""
    _early.append(start(log))
    try:
        yield
    finally:
        discard_early()


def discard_early() -> None:
    """Stop a server that was started early and is not needed."""
    while _early:
        _stop(_early.pop().child)


def start(log: Path) -> Started:
    """Start a server as a child process, by the standard library alone.

    The server's own output goes to `log`.
    """
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port = int(probe.getsockname()[1])
    url = f"http://{LOCALHOST}:{port}/api"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tasks.server", str(port), str(os.getpid())],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us; the server ends when we tell it
        )
    return Started(url, child)


@contextmanager
def own_server(log: Path) -> Iterator[None]:
    """Point Prefect at a server of our own; wait with `ready` before use.

    It may have been started early; its output goes to `log`.
    """
    server = _early.pop() if _early else start(log)
    _point_to(server.url)
    _servers[server.url] = server.child
    try:
        yield
    finally:
        _drain()
        _point_to(None)
        _stop(server.child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()


def _point_to(url: str | None) -> None:
    from prefect.context import refresh_global_settings_context

    if url is None:
        del os.environ["PREFECT_API_URL"]
    else:
        os.environ["PREFECT_API_URL"] = url
    # Prefect reads the environment when it is imported; unless told, it starts a second server,
    # which outlives a killed run.
    refresh_global_settings_context()


def _drain() -> None:
    """Send what Prefect still has to say; at exit it would try for a minute to reach nobody."""
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=10)


def ready(log: Path, patience: float = 120.0) -> None:
    """Wait until the server that PREFECT_API_URL names answers.

    Raises:
        TransientError: it does not within `patience` seconds.
    """
    health = f"{os.environ['PREFECT_API_URL']}/health"
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(health, timeout=2):  # noqa: S310 - our own http address
                return
        except (URLError, OSError):
            child = _servers.get(os.environ["PREFECT_API_URL"])
            if child is not None and child.poll() is not None:
                break  # it ended before it answered: waiting would not help
            time.sleep(0.1)
    raise TransientError(
        f"Prefect server must answer within {patience:.0f} s, was: silent; see {log}"
    )


def answers(api: str, patience: float = 10.0) -> bool:
    """The server of this API is there, or comes back within `patience` seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=5):  # noqa: S310 - the user's own
                return True
        except HTTPError:  # it does answer, if only to ask who we are
            return True
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.2)


def main(port: int, parent: int) -> None:
    """Serve until told to stop, or until the parent process is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    # before the imports: they take seconds, in which the parent may be killed
    threading.Thread(target=watch, daemon=True).start()
    gc.disable()  # what imports make stays: looking for garbage in it takes a while
    import uvicorn
    from prefect.server.api.server import create_app

    url = _settled()
    config = uvicorn.Config(
        create_app(ephemeral=True, final=True),
        host=LOCALHOST,
        port=port,
        log_level="error",
        lifespan="on",
    )
    gc.freeze()
    gc.enable()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            remember(url)

    Server(config).run()


def _settled() -> str:
    """The database's address; its migrations are left out if they are known to be done."""
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    address = get_current_settings().server.database.connection_url
    url = address.get_secret_value() if address is not None else ""
    if known(url):
        os.environ.setdefault("PREFECT_SERVER_DATABASE_MIGRATE_ON_START", "false")
        refresh_global_settings_context()
    return url


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
