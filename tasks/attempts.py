"""How often a run may be taken up again after it crashed."""

from __future__ import annotations

import os
from uuid import UUID

from prefect.client.orchestration import get_client

from xltpipe.errors import RecipeError

STARTED = "PREFECT__FLOW_RUN_ID"
"""Environment variable by which a worker tells a process which flow run it is to execute."""

ATTEMPTS = 5
"""Starts of one run: a machine may be lost now and then, but what fills the memory always does."""


def check_attempts() -> None:
    """End a run that crashes again and again, instead of going round for ever.

    Raises:
        RecipeError: the flow run of this process was started more often than `ATTEMPTS` times.
    """
    started = os.environ.get(STARTED)
    if started is None:  # from a terminal: nobody starts it again
        return
    with get_client(sync_client=True) as client:
        starts = client.read_flow_run(UUID(started)).run_count
    if starts > ATTEMPTS:
        raise RecipeError(
            f"Run must not crash again and again, was: start {starts} of at most {ATTEMPTS}; look "
            "for what ends it (memory, most often: fewer workers or smaller shard_rows), then "
            "start a new run: what is done is on the shelf"
        )
