"""launch: a recipe as people start it in Prefect's interface: by name, with some of it changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.exceptions import FailedRun
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import Field, JsonValue

from flows.experiment import experiment
from flows.train_mt import train_mt
from tasks.confinement import confined
from tasks.mt import place, publish
from tasks.recipes import chosen, training
from tasks.shelf import shelf
from xltpipe.errors import XltError
from xltpipe.preflight import preflight
from xltpipe.recipe import Recipe
from xltpipe.strategies import Strategy

Name = Annotated[
    str,
    Field(
        title="Name or path",
        description="Below the folder of recipes (flows/recipes, or XLTPIPE_RECIPES): quickstart",
    ),
]


def named() -> str:
    """What a run is called: its recipe, and what of it was changed."""
    given: Mapping[str, Any] = flow_run.parameters
    recipe = given.get("recipe")
    said = recipe if isinstance(recipe, str) else dict(recipe or {}).get("name", "recipe")
    for key in ("strategies", "targets"):
        said += f" {'+'.join(given[key])}" if given.get(key) else ""
    said += f" limit {given['limit']}" if given.get("limit") else ""
    return said + "".join(f" {key}={value}" for key, value in (given.get("changes") or {}).items())


@flow(name="launch", flow_run_name=named, persist_result=False)
def launch(
    recipe: Name | Recipe,
    targets: Annotated[list[str] | None, Field(min_length=1)] = None,
    strategies: Annotated[list[Strategy] | None, Field(min_length=1)] = None,
    limit: Annotated[int | None, Field(ge=1)] = None,
    changes: dict[str, JsonValue] = {},  # noqa: B006 - never changed; a form shows the default
) -> State[Any] | None:
    """Run a recipe: what is on the shelf is not done again. Nothing given means: as it is written.

    A recipe or data that are wrong end the run at once, and say what to mend.

    Args:
        recipe: A recipe by name, or a whole one written here.
        targets: Other languages than the recipe's, such as spa, glg.
        strategies: Other strategies than the recipe's.
        limit: Read only so many rows of each source: a quick look.
        changes: Any other setting by its dotted key, such as "projection.kind" or "shard_rows";
            null takes one away.
    """
    try:
        wanted = chosen(recipe, targets, strategies, limit, changes)
        confined(wanted)
        preflight(wanted)
        shelf().sweep()
        experiment(wanted)
    except XltError as error:  # told as it is: a traceback would say no more
        return failed(error)
    return None


@flow(name="launch-training", flow_run_name="{recipe}", persist_result=False)
def launch_training(
    recipe: Name,
    *,
    replace: bool = False,
) -> State[Any] | None:
    """Train a translation model from a recipe; it goes to models/NAME in the data folder.

    A training that was stopped or killed goes on from its last checkpoint.

    Args:
        recipe: The recipe of the training by name, below the folder of recipes.
        replace: Replace the model of this name, if there is one.
    """
    try:
        wanted = training(recipe)
        confined(wanted)
        wanted.check()
        place(wanted, replace=replace)
        publish(wanted, train_mt(wanted), replace=replace)
    except XltError as error:
        return failed(error)
    return None


def failed(error: XltError) -> State[Any]:
    """The state that says what went wrong, in place of a traceback."""
    get_run_logger().error("%s", error)
    # Prefect's engine logs a traceback of its own for a run that ends so: it would say less
    logging.getLogger("prefect.flow_runs").addFilter(_told_already)
    return Failed(message=f"{type(error).__name__}: {error}")


def _told_already(record: logging.LogRecord) -> bool:
    return not (record.exc_info and record.exc_info[0] is FailedRun)
