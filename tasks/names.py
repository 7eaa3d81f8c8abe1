"""What the tasks of one stage are called: which part of the data each one has."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.store import Shard


def parts(shards: Sequence[Shard], data: str) -> list[str]:
    """One name per shard, same order: `train part 3 of 12`; it decides nothing but what is shown.

    `data` is a split, or a test set's name.
    """
    return [f"{data} part {number} of {len(shards)}" for number in range(1, len(shards) + 1)]
