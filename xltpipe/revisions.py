"""Revisions: whether the data of a recipe, or the recipe, is another than what was run."""

from __future__ import annotations

import time
from collections.abc import Callable

from xltpipe.datasets.hub_load import look_again
from xltpipe.recipe import Recipe
from xltpipe.runs import records
from xltpipe.store import Store

SETTLE = 5.0
"""Seconds in which a source must not change: a file that is being written is left for later."""


def due(store: Store, recipe: Recipe) -> str | None:
    """Why the recipe is to be run; None if there is nothing new.

    A run that failed is not tried again until the data or the recipe change, unless what failed
    was of the moment (TransientError). A run on record as running is gone on with: its process
    may have been killed, and where it was not, both make the same.
    """
    look_again()
    run = recipe.run
    record = next((r for r in records(store) if r["run"] == run), None)
    if record is None:
        return f"new revision: {run}"
    if record["state"] == "running":
        return f"not finished: {run}"
    if record["state"] == "failed" and str(record["error"]).startswith("TransientError"):
        return f"failed for the moment: {run} ({record['error']})"
    return None


def settled(load: Callable[[], Recipe], seconds: float = SETTLE) -> Recipe | None:
    """The recipe, if neither it nor its data change within some seconds; None if they do."""
    before = load().run
    time.sleep(seconds)
    look_again()
    now = load()
    return now if now.run == before else None
