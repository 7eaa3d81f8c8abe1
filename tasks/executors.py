"""Executors: where the tasks of a run are worked on (Prefect's task runners)."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from prefect.task_runners import ProcessPoolTaskRunner, TaskRunner, ThreadPoolTaskRunner

from tasks import shelf
from tasks.elsewhere import noting
from xltpipe import progress, seats
from xltpipe.errors import TransientError, require
from xltpipe.recipe import Recipe

Runner = TaskRunner[Any]
_OBJECTS = 100 << 20
"""Bytes that a Ray of our own keeps for objects: tasks pass references of a few hundred bytes."""
_RAY = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "120",  # 30 s are too few when busy
    # Ray gives its workers the niceness 15: beside any busy process they get 3 % of a core
    "RAY_worker_niceness": "0",
}
"""What a Ray of our own reads when it starts; what the user set stays."""


@contextmanager
def executing(recipe: Recipe) -> Iterator[tuple[Recipe, Runner]]:
    """The runner for a whole run, whatever flows use it, and the recipe as its tasks need it.

    Raises:
        MissingExtraError: the executor's package is not installed.
        TransientError: the cluster at the recipe's address does not answer.
    """
    progress.lead()
    if recipe.executor == "threads":
        yield recipe, cast("Runner", ThreadPoolTaskRunner(max_workers=recipe.workers))
        return
    sent = recipe.model_copy(update={"store": shelf.data()})
    with (_dask if recipe.executor == "dask" else _ray)(recipe) as runner:
        yield sent, runner


@contextmanager
def processes(number: int, group: str) -> Iterator[Runner]:
    """Processes that each work on a whole run at a time; they share the cores evenly.

    They end with this one, however it ends.
    """
    progress.lead()
    # of a command that was stopped, it would tell the user that locks were left, which it frees
    os.environ.setdefault("PYTHONWARNINGS", "ignore:resource_tracker:UserWarning")
    given = (os.getpid(), number, group)
    with ProcessPoolTaskRunner(number, initializer=_follow, initargs=given) as runner:
        yield cast("Runner", runner)


def _follow(parent: int, number: int, group: str) -> None:
    """Make a process ready to work for its parent: end with it, and stop when it does."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    signal.signal(signal.SIGINT, lambda *_: progress.stop())
    seats.take_cores(group, number)
    noting()


@contextmanager
def _dask(recipe: Recipe) -> Iterator[Runner]:
    prefect_dask = require("prefect_dask", "dask")
    if recipe.address is not None:
        _answers(recipe.address)
        yield prefect_dask.DaskTaskRunner(address=recipe.address)
        return
    from distributed import LocalCluster

    # one shard at a time in a process: its engines use the cores that it has
    with LocalCluster(
        n_workers=recipe.workers, threads_per_worker=1, dashboard_address=None, silence_logs=40
    ) as cluster:
        yield prefect_dask.DaskTaskRunner(address=cluster.scheduler_address)


def _answers(address: str) -> None:
    from distributed import Client

    try:
        Client(address, timeout=30, set_as_default=False).close()
    except (OSError, ValueError) as error:
        raise TransientError(
            f"Dask scheduler must answer within 30 s, was: silent at {address} ({error})"
        ) from error


@contextmanager
def _ray(recipe: Recipe) -> Iterator[Runner]:
    prefect_ray = require("prefect_ray", "ray")
    import ray

    # Ray would hide all GPUs from tasks that ask for none of it; each process takes its own
    environment = {"RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "DO_NOT_TRACK": "1"}
    own: dict[str, Any] = {
        "num_cpus": recipe.workers,
        "include_dashboard": False,
        "object_store_memory": _OBJECTS,
    }
    for name, value in _RAY.items():
        os.environ.setdefault(name, value)
    try:
        ray.init(
            address=recipe.address or "local",
            runtime_env={"env_vars": environment},
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if recipe.address else own),
        )
    except Exception as error:  # Ray tells of a node that does not start by a bare one
        raise TransientError(
            f"Ray must start or answer, was: {recipe.address or 'none started'} ({error})"
        ) from error
    try:
        yield prefect_ray.RayTaskRunner()
    finally:
        ray.shutdown()
