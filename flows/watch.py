"""watch: run a recipe whose data have a new revision; earlier work is taken over."""

from __future__ import annotations

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed
from pydantic import Field

from flows.experiment import experiment
from flows.launch import Name, failed
from tasks.confinement import confined
from tasks.recipes import chosen
from tasks.shelf import shelf
from xltpipe.errors import XltError
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.revisions import SETTLE, due, settled


@flow(name="watch", flow_run_name="watch {recipe}", persist_result=False)
def watch(
    recipe: Name,
    settle: Annotated[float, Field(ge=0)] = SETTLE,
) -> State[Any]:
    """Look whether a recipe or its data are new, and if so, run it; meant to be scheduled.

    Work is kept by blocks of rows: rows that were there before are not translated again.

    Args:
        recipe: A recipe by name, below the folder of recipes.
        settle: Seconds in which the data must not change: else the next look.
    """

    def load() -> Recipe:
        return chosen(recipe, None, None, None, {})

    try:
        why = due(shelf(), load())
        if why is None:
            return Completed(name="Nothing new")
        get_run_logger().info("%s", why)
        wanted = settled(load, settle)
        if wanted is None:
            return Completed(name="Still changing")
        confined(wanted)
        preflight(wanted)
        shelf().sweep()
        experiment(wanted)
    except XltError as error:
        return failed(error)
    return Completed(message=why)
