"""Many shards in few tasks: the store's unit of work is the shard, Prefect's is a batch of them.

Prefect spends milliseconds on each task, its database more, and its interface shows some hundreds
well (docs/scale.md). So a stage has at most `MOST` tasks, whatever the number of shards; each shard
is still made, kept, counted and found again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, pairwise
from typing import TypeVar, cast

from prefect.logging import get_run_logger
from prefect.runtime import task_run
from prefect.utilities.annotations import quote

from tasks.shelf import make, make_quietly
from xltpipe.errors import TransientError, XltError
from xltpipe.settled import settled
from xltpipe.store import Shard, Step

T = TypeVar("T")

MOST = 60
"""Tasks of one stage: four stages of two splits, and some single tasks, stay below 500."""
PATIENCE = 3
"""So many shards failing one after another end a batch: the next would fail, too."""

_counted: dict[object, set[int]] = {}
"""Of task runs under way: the shards that were counted, so that a retry does not count again."""


def batches(items: Sequence[T]) -> list[list[T]]:
    """Neighbours together, in at most `MOST` batches of sizes that differ by one at most."""
    number = min(MOST, len(items))
    bounds = [len(items) * k // number for k in range(number + 1)] if number else [0]
    return [list(items[a:b]) for a, b in pairwise(bounds)]


def together(parts: Iterable[Iterable[T]]) -> list[T]:
    """The items of all batches, in order."""
    return list(chain.from_iterable(parts))


def unsearched(items: list[T]) -> list[T]:
    """A long list for one task: Prefect is told not to look for futures in each of its items."""
    return cast("list[T]", quote(items))


def make_each(items: Sequence[T], step_of: Callable[[T], Step]) -> list[Shard]:
    """The artefact of each item. A shard that fails does not keep the others from being made.

    Raises:
        Exception: that of the first shard that failed for good; if all may be mended by another
            try, that of the first. A retry finds on the shelf what was made.
    """
    if len(items) == 1:
        return [make(step_of(items[0]))]
    counted = _counted.setdefault(task_run.id, set())
    made, faults, failing = [], list[Exception](), 0
    with settled():
        for number, item in enumerate(items):
            try:
                made.append(make_quietly(step_of(item), again=number in counted))
            except Exception as error:  # noqa: BLE001 - raised below
                get_run_logger().error("shard %d of %d: %s", number + 1, len(items), error)
                faults.append(error)
                failing += 1
                if failing == PATIENCE:
                    break
            else:
                counted.add(number)
                failing = 0
    if faults:
        raise _told(faults, len(items))
    _counted.pop(task_run.id, None)
    get_run_logger().info("%d shards, %d rows", len(made), sum(s.rows for s in made))
    return made


def _told(faults: Sequence[Exception], shards: int) -> Exception:
    final = [fault for fault in faults if not isinstance(fault, TransientError)]
    first = (final or faults)[0]
    words = f"{len(faults)} of the {shards} shards of this task failed; what is complete is kept"
    if isinstance(first, XltError):
        told = type(first)(f"{first} ({words})")
        told.__cause__ = first
        return told
    first.add_note(words)
    return first
