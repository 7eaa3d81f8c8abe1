"""Covered: the characters under all spans of one side, and what they are, span by span."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xltpipe.quality.characters import Flags

_Ints = NDArray[np.int64]


class Covered:
    """`place` are places in the side's `codes`, one stretch per span, `first` where each begins.

    Spans are never empty, so every one has a stretch.
    """

    def __init__(self, flags: Flags, start: _Ints, end: _Ints) -> None:
        sizes = end - start
        edges = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.first: _Ints = edges[:-1]
        self.place: _Ints = np.repeat(start - self.first, sizes) + np.arange(edges[-1])
        self.flags: Flags = flags[self.place]

    def count(self, values: NDArray[np.generic]) -> _Ints:
        """The sum over each span of one value per character (a mask counts)."""
        if not len(self.first):
            return np.zeros(0, np.int64)
        return np.add.reduceat(values, self.first, dtype=np.int64)

    def having(self, bits: int) -> _Ints:
        """How many characters of each span have one of these flags."""
        return self.count((self.flags & bits) > 0)

    @property
    def opening(self) -> Flags:
        """What the first character of each span is."""
        return self.flags[self.first]
