"""A Prefect server for one run, where none is configured: it ends when its run does, however.

Prefect would start one by itself, but that one lives on when the run is killed (docs/findings.md),
and it is only started when the flows are already loaded; this one starts meanwhile.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError

from xltpipe.errors import RecipeError, TransientError

_servers: dict[str, subprocess.Popen[bytes]] = {}
LOCALHOST = "127.0.0.1"
WHOLE = "whole"
"""Argument for a server with interface and services."""


@contextmanager
def own_server(log: Path, port: int | None = None) -> Iterator[None]:
    """Start a server as a child process and point Prefect at it; wait with `ready` before use.

    The server's own output goes to `log`. One with a `port` of its own serves people, too: it has
    the interface, and the services without which no schedule fires.

    Raises:
        RecipeError: the port is taken.
    """
    number = _free(port or 0)
    url = f"http://{LOCALHOST}:{number}/api"
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [
                *(sys.executable, "-m", "tasks.server", str(number), str(os.getpid())),
                *([] if port is None else [WHOLE]),
            ],
            cwd=Path(__file__).parents[1],
            env=os.environ | {"PREFECT_SERVER_UI_API_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us; the server ends when we tell it
        )
    _point_to(url)
    _servers[url] = child
    try:
        yield
    finally:
        _drain()
        _point_to(None)
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()


def _free(port: int) -> int:
    """The port, or, for 0, any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will do
        try:
            probe.bind((LOCALHOST, port))
        except OSError as error:
            raise RecipeError(
                f"Port must be free, was: {port} taken ({error}); set PREFECT_API_URL if it is "
                "your Prefect server, or name another port"
            ) from error
        return int(probe.getsockname()[1])


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


def main(port: int, parent: int, *, whole: bool) -> None:
    """Serve until told to stop, or until the parent process is gone."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(0)

    # before the imports: they take seconds, in which the parent may be killed
    threading.Thread(target=watch, daemon=True).start()
    import uvicorn
    from prefect.server.api.server import create_app

    app = create_app(ephemeral=not whole, final=True)
    uvicorn.run(app, host=LOCALHOST, port=port, log_level="error", lifespan="on")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), whole=WHOLE in sys.argv[3:])
