"""What the tasks of one stage are called: which part of the data each one has."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.batches import batches
from xltpipe.store import Shard


def parts(shards: Sequence[Shard], data: str) -> list[str]:
    """One name per batch, same order: `train part 3 of 12`, `train parts 5-8 of 240`.

    It decides nothing but what is shown. `data` is a split, or a test set's name.
    """
    numbers = batches(range(1, len(shards) + 1))
    return [f"{data} {_span(batch)} of {len(shards)}" for batch in numbers]


def _span(batch: Sequence[int]) -> str:
    return f"part {batch[0]}" if len(batch) == 1 else f"parts {batch[0]}-{batch[-1]}"
