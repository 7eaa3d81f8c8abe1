"""Scorers that look at one unit after the other; for what cannot be asked of whole columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats
from xltpipe.types import Unit


class OfUnits(Protocol):
    def score(self, units: Sequence[Unit]) -> list[float]: ...


class ByRow:
    """A scorer of units as one of batches."""

    def __init__(self, column: Column, scorer: OfUnits) -> None:
        self.columns = (column,)
        self._scorer = scorer

    def score(self, batch: Batch) -> list[Floats]:
        return [np.array(self._scorer.score(batch.units), np.float64)]
