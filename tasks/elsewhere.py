"""Tasks that may run in another process, on another machine: what they need there, and what they
bring back besides their shard.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from prefect.futures import PrefectFutureList

from tasks import shelf
from xltpipe import progress, seats
from xltpipe.recipe import Recipe
from xltpipe.store import Shard


@dataclass(frozen=True, slots=True)
class Told:
    """A shard, and what happened in the process that made it."""

    shard: Shard
    news: progress.News


def arrived(recipe: Recipe) -> Recipe:
    """Make this process ready for a task of the run; the recipe, fitted to its devices."""
    if recipe.executor == "threads":
        return recipe
    shelf.use(recipe.store)
    _noting()
    if recipe.address is None:
        seats.take_cores(recipe.run, recipe.workers)
    return seats.on_device(recipe, recipe.address or recipe.run)


@cache
def _noting() -> None:
    """The store's warnings come to the person who runs the recipe."""
    logging.getLogger("xltpipe.store").addHandler(progress.Noting())


def told(shard: Shard) -> Told:
    return Told(shard, progress.news())


def gathered(futures: PrefectFutureList[Any]) -> list[Shard]:
    """The shards of a mapped task, in order, with their processes' counts and notes added here."""
    found: Sequence[Told] = futures.result()
    for one in found:
        progress.hear(one.news)
    return [one.shard for one in found]
