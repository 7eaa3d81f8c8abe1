"""Batches: texts of like length together, as many as memory holds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from xltpipe import progress
from xltpipe.translation.engines import EngineKey

_TOKENS_CPU, _TOKENS_GPU = 1024, 16384
_CAP_STEP = 32  # output caps rise in steps, so that texts of like length still share a batch


@dataclass(frozen=True, slots=True)
class Caps:
    """The most output tokens for a source: `ratio` times its tokens and 16, `most` at most."""

    ratio: float
    most: int

    def of(self, length: int) -> int:
        """It must not depend on what else is in the batch."""
        cap = math.ceil((self.ratio * length + 16) / _CAP_STEP) * _CAP_STEP
        return min(cap, self.most)


class Budget:
    """How many padded source tokens a batch may have: halved where memory does not suffice.

    There is one per engine of this process, so later texts begin with what was found out.
    """

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._lock = Lock()

    def shrink(self, failed: int, model: str) -> None:
        """After a batch of `failed` padded tokens that memory did not suffice for."""
        with self._lock:
            new = max(1, failed // 2)
            if new >= self.tokens:
                return
            self.tokens = new
        progress.note(
            f"memory did not suffice for batches of {failed} tokens with {model}: went on with "
            f"{new} (translation.batch_tokens = {new} begins so)"
        )


_budgets: dict[tuple[EngineKey, int], Budget] = {}


def budget(key: EngineKey, asked: int) -> Budget:
    """The budget of an engine; `asked` tokens to begin with, 0: as usual for its device."""
    usual = _TOKENS_CPU if key.device == "cpu" else _TOKENS_GPU
    return _budgets.setdefault((key, asked), Budget(asked or usual))


def batches(lengths: Mapping[int, int], caps: Caps, room: Callable[[], int]) -> Iterator[list[int]]:
    """Places (keys of `lengths`), the longest first, in batches of one output cap.

    `room` says how many padded source tokens a batch may have: it is asked for each batch, since
    it falls where memory does not suffice.
    """
    batch: list[int] = []
    longest = 0
    for place in sorted(lengths, key=lambda place: -lengths[place]):
        length = lengths[place]
        full = (len(batch) + 1) * longest > room()
        if batch and (full or caps.of(length) != caps.of(longest)):
            yield batch
            batch = []
        if not batch:
            longest = length
        batch.append(place)
    if batch:
        yield batch
