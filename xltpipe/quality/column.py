"""Column: what one score is, what it may be, and the rule on it that holds by default."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isnan

import numpy as np
from numpy.typing import NDArray
from pydantic import FiniteFloat, model_validator

from xltpipe.spec import Spec

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Limits(Spec):
    """A rule: the row fails if its score lies outside. A score without meaning (NaN) passes."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Limits:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min must not be above max, was: {self.min} > {self.max}")
        return self

    def holds(self, score: float) -> bool:
        if isnan(score):
            return True
        return (self.min is None or score >= self.min) and (self.max is None or score <= self.max)

    def fails(self, scores: Floats) -> Mask:
        """Which of these scores lie outside; NaN does not."""
        out = np.zeros(len(scores), np.bool_)
        if self.min is not None:
            out |= scores < self.min
        if self.max is not None:
            out |= scores > self.max
        return out


@dataclass(frozen=True, slots=True)
class Column:
    """One score of a unit, stored under `name`.

    `low` and `high` bound its possible values: a threshold outside them is a mistake. `limits`
    is the rule that holds unless the recipe says otherwise, None if there is none by default;
    `usual` are the limits known from other tools where ours is off or differs.
    """

    name: str
    reason: str
    unit: str
    meaning: str
    source: str
    low: float = 0.0
    high: float = inf
    limits: Limits | None = None
    usual: Limits | None = None
