"""The environment of a run: settings that Prefect reads, and its server, started first.

Prefect's server takes seconds to start, and so does importing Prefect here. So the server is
started before anything else is imported (or a kept one is found), with nothing but the standard
library.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from xltpipe.addresses import is_address

# Defaults only: what the user set stays. Analytics are off; the ephemeral server gets time to
# start on a busy machine; its console log would repeat what the progress bars show.
PREFECT = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "xltpipe",
}


def settle(data: str, *, verbose: bool) -> None:
    """Set what flows and Prefect read from the environment; before Prefect is imported."""
    os.environ["XLTPIPE_DATA"] = data if is_address(data) else str(Path(data).absolute())
    settle_prefect()
    os.environ.setdefault(
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "INFO" if verbose else "CRITICAL"
    )
    # of services beside the run, such as events that a server which is gone does not take
    os.environ.setdefault("PREFECT_LOGGING_INTERNAL_LEVEL", "ERROR" if verbose else "CRITICAL")
    # nor log lines, each of which would write to the terminal, without an end of line
    logging.raiseExceptions = verbose


def settle_prefect() -> None:
    """Set what Prefect and its server read, as far as the user did not."""
    for name, value in PREFECT.items():
        os.environ.setdefault(name, value)


@contextmanager
def early(recipe: Path, data: str, log: Path, *, verbose: bool) -> Iterator[None]:
    """Have a server come up while everything else is loaded, if this run will need one.

    Whether one is configured is for Prefect to say, later; then this one is stopped again. Its log
    lies on this machine, wherever the results go.
    """
    settle(data, verbose=verbose)
    if not recipe.is_file() or find_spec("tasks") is None or configured():
        yield
        return
    from tasks import kept, server

    found = kept.find()
    if found is not None:
        os.environ["PREFECT_API_URL"] = found.url
        try:
            yield
        finally:
            del os.environ["PREFECT_API_URL"]
    elif _writable(log.parent):
        with server.early(log):
            yield
    else:  # that will be told in better words
        yield


def configured() -> bool:
    """Whether the environment or a file that Prefect reads may name a server."""
    if os.environ.get("PREFECT_API_URL"):
        return True
    from tasks.kept import home

    profiles = os.environ.get("PREFECT_PROFILES_PATH")
    files = (
        Path(profiles) if profiles else home() / "profiles.toml",
        *(Path(name) for name in (".env", "prefect.toml", "pyproject.toml")),
    )
    return any(_names_server(file) for file in files)


def _names_server(file: Path) -> bool:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    if file.name == "prefect.toml":
        return "url" in text
    return "PREFECT_API_URL" in text or "tool.prefect.api" in text


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
