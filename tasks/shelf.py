"""The store of this process, and making a step in it."""

from __future__ import annotations

import os
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from prefect.logging import get_run_logger

from xltpipe import progress
from xltpipe.mirrored import cache_folder, open_store
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
    shard, built = shelf().make(step)
    log = get_run_logger()
    (progress.made if built else progress.reused)[step.stage] += 1
    if built:
        counts = (shelf().manifest(shard) or {}).get("counts", {})
        log.info("%s made: %s", shard.name, counts)
    else:
        log.info("%s was on the shelf: %d rows", shard.name, shard.rows)
        if step.stage in BY_ROWS:
            progress.tick(step.stage, shard.rows)
    return shard
