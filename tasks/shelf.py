"""The store of this process, and making a step in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger
from prefect.tasks import Task

from xltpipe import progress
from xltpipe.store import Shard, Step, Store

DATA = "XLTPIPE_DATA"
"""Environment variable: the folder that holds the store (default: data, in the checkout)."""

BY_ROWS = frozenset({"translate", "predict", "project", "score", "judge"})
"""Stages whose flows announce their rows: what is on the shelf counts as done."""


@cache
def _store(root: Path) -> Store:
    return Store(root)


def shelf() -> Store:
    """The store that the environment names, else the one in the checkout."""
    default = Path(__file__).parents[1] / "data"
    return _store(Path(os.environ.get(DATA) or default) / "store")


def each(
    task: Task[..., Shard], step: Callable[..., Step], inputs: Sequence[tuple[Any, ...]]
) -> list[Shard]:
    """The artefact of each step, in order; a task for each that is not on the shelf.

    `step` and `task` take the same inputs. What is on the shelf costs no task: a revision of the
    data brings a few new shards among many.
    """
    found = [_taken(step(*one)) for one in inputs]
    missing = [n for n, shard in enumerate(found) if shard is None]
    if inputs:
        get_run_logger().info(
            "%s: %d of %d shards were on the shelf",
            *(task.name, len(inputs) - len(missing), len(inputs)),
        )
    made = dict(zip(missing, [task.submit(*inputs[n]) for n in missing], strict=True))
    return [shard or made[n].result() for n, shard in enumerate(found)]


def _taken(step: Step) -> Shard | None:
    shard = shelf().find(step)
    if shard is not None:
        progress.reused[step.stage] += 1
        if step.stage in BY_ROWS:
            progress.tick(step.stage, shard.rows)
    return shard


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
