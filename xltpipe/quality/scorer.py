"""The contract of scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats


class Scorer(Protocol):
    """Gives one number per unit and column; NaN where the score has no meaning for the unit.

    The result for a row must not depend on the rows beside it.
    """

    @property
    def columns(self) -> tuple[Column, ...]: ...

    def score(self, batch: Batch) -> Sequence[Floats]:
        """One array per column, in their order, each with one value per row of the batch."""
        ...
