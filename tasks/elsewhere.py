"""Tasks that may run in another process, on another machine: what they need there, and what they
bring back besides their shards.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from prefect.futures import PrefectFutureList

from tasks import shelf
from tasks.batches import together
from xltpipe import memory, progress, seats
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@dataclass(frozen=True, slots=True)
class Told:
    """The shards of a batch, and what happened in the process that made them."""

    shards: list[Shard]
    news: progress.News


def arrived(recipe: Recipe) -> Recipe:
    """Make this process ready for a task of the run; the recipe, fitted to its devices."""
    if recipe.executor == "threads":
        return recipe
    shelf.use(recipe.store)
    settle()
    if recipe.address is None:
        seats.take_cores(recipe.run, recipe.workers)
    return seats.on_device(recipe, recipe.address or recipe.run)


@cache
def settle() -> None:
    """Once in a process that works for another one."""
    memory.keep_usual()
    noting()


@cache
def noting() -> None:
    """The store's warnings come to the person who runs the recipe."""
    logging.getLogger("xltpipe.store").addHandler(progress.Noting())


def told(shards: list[Shard]) -> Told:
    """What a mapped task returns."""
    return Told(shards, progress.news())


def gathered(futures: PrefectFutureList[Any]) -> list[Shard]:
    """The shards of a mapped task's batches, in order; their processes' counts are added here."""
    found: Sequence[Told] = futures.result()
    for one in found:
        progress.hear(one.news)
    return together(one.shards for one in found)
