"""How every task is run: the only place for retries and caching."""

from __future__ import annotations

from typing import Any

from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

import tasks.credentials  # noqa: F401 - how secrets are looked up, in every process of tasks
from xltpipe import progress
from xltpipe.errors import TransientError


def transient(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    """Retry only what another try may mend; a wrong recipe stays wrong."""
    try:
        state.result()
    except TransientError as error:
        progress.note(f"tried again: {run.name}, after: {error}")
        return True
    except BaseException:  # noqa: BLE001 - Prefect raises the fault itself after this answer
        return False
    return False


# The store decides what is done; Prefect's cache cannot see a missing or damaged file
# (measured, docs/findings.md), so it is off, and results are passed as small references.
OPTIONS: dict[str, Any] = {
    "retries": 3,
    "retry_delay_seconds": [1, 4, 16],
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": transient,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}
