"""What a run that a worker started is told when it begins: how often it did, and its title."""

from __future__ import annotations

import os
from uuid import UUID

from prefect.client.orchestration import get_client

from xltpipe.errors import RecipeError

STARTED = "PREFECT__FLOW_RUN_ID"
"""Environment variable by which a worker tells a process which flow run it is to execute."""

ATTEMPTS = 5
"""Starts of one run: a machine may be lost now and then, but what fills the memory always does."""


def begin(title: str) -> None:
    """Name the flow run of this process after what it does, unless it has crashed too often.

    The name that it was launched by stays in front. Nothing to do for a run from a terminal.

    Raises:
        RecipeError: the flow run was started more often than `ATTEMPTS` times; without an end to
            it, a run that crashes would be taken up again for ever.
    """
    started = os.environ.get(STARTED)
    if started is None:
        return
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(started))
        if run.run_count > ATTEMPTS:
            raise RecipeError(
                f"Run must not crash again and again, was: start {run.run_count} of at most "
                f"{ATTEMPTS}; look for what ends it (memory, most often: fewer workers or smaller "
                "shard_rows), then start a new run: what is done is on the shelf"
            )
        if title not in run.name:
            client.update_flow_run(run.id, name=f"{run.name} ({title})")
