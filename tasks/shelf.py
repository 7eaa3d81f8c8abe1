"""The store of this process, and making a step in it."""

from __future__ import annotations

import os
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from prefect.logging import get_run_logger

from xltpipe import progress
from xltpipe.addresses import cache_folder
from xltpipe.errors import DataError
from xltpipe.mirrored import open_store
from xltpipe.store import Shard, Step, Store

DATA = "XLTPIPE_DATA"
"""Environment variable: the folder that holds the store, or its address (default: data, in the
checkout)."""

BY_ROWS = frozenset({"translate", "predict", "project", "score", "judge"})
"""Stages whose flows announce their rows: what is on the shelf counts as done."""

_named: ContextVar[str | None] = ContextVar("data", default=None)


@cache
def _store(data: str, cache: Path) -> Store:
    return open_store(data, cache)


def data() -> str:
    """Where results go: as the process that we work for told, else as the environment says."""
    default = Path(__file__).parents[1] / "data"
    return _named.get() or os.environ.get(DATA) or str(default)


def use(data: str | None) -> None:
    """From now on, and in this thread, results go where another process told."""
    _named.set(data)


def shelf() -> Store:
    """The store of the data folder."""
    return _store(data(), cache_folder(os.environ))


def make(step: Step) -> Shard:
    """Make the step's artefact, or take it from the shelf, and say which in the run's log."""
    return make_or_take(step)[0]


def make_or_take(step: Step) -> tuple[Shard, bool]:
    """As `make`, and whether the artefact had to be made.

    Raises:
        DataError: as the step does; the message names the task, which tells languages and part.
    """
    shard, built = _made(step)
    log = get_run_logger()
    if built:
        counts = (shelf().manifest(shard) or {}).get("counts", {})
        log.info("%s made: %s", shard.name, counts)
    else:
        log.info("%s was on the shelf: %d rows", shard.name, shard.rows)
    return shard, built


def make_quietly(step: Step, *, again: bool) -> Shard:
    """As `make`, for one of many; one that was counted before is not counted `again`."""
    return _stored(step)[0] if again else _made(step)[0]


def _made(step: Step) -> tuple[Shard, bool]:
    shard, built = _stored(step)
    (progress.made if built else progress.reused)[step.stage] += 1
    if not built and step.stage in BY_ROWS:
        progress.tick(step.stage, shard.rows)
    return shard, built


def _stored(step: Step) -> tuple[Shard, bool]:
    try:
        return shelf().make(step)
    except DataError as error:
        remedy = "when that is mended, run again: what is done is kept"
        raise DataError(f"{error} (at {_task()}; {remedy})") from error


def _task() -> str:
    from prefect.runtime import task_run

    return str(task_run.name)
