"""Statistics: counts of each example that sum up to a score; intervals and tests need no more."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field

from xltpipe.evaluation.interval import bootstrap
from xltpipe.evaluation.signing import check_parallel, signature
from xltpipe.spec import Spec
from xltpipe.types import Example, Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Row = tuple[float | str, ...]
"""What one example contributes; equal rows are counted together."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of the same examples under one or more systems.

    `kinds` are the distinct rows of counts, `systems` say for each system which kind each example
    is of, and `values` makes scores of sums of counts: (sets, counts) to (sets,), NaN where a
    score is not defined.
    """

    kinds: Floats
    systems: tuple[Ints, ...]
    values: Callable[[Floats], Floats]

    def frequency(self, system: int) -> Ints:
        """How many examples are of each kind."""
        import numpy as np

        counted: Ints = np.bincount(self.systems[system], minlength=len(self.kinds))
        return counted

    def totals(self, system: int) -> Floats:
        """The sums of counts, one row."""
        summed: Floats = self.frequency(system)[None] @ self.kinds
        return summed

    def value(self, system: int) -> float:
        """The system's score, that which `measure` gives."""
        return float(self.values(self.totals(system))[0])


class Testable(Protocol):
    """A metric whose scores can be compared between systems."""

    def statistics(self, gold: Sequence[Example], *systems: Sequence[Example]) -> Statistics:
        """The counts of each system's predictions.

        Raises:
            DataError: a system's examples are not the gold ones, in the same order.
        """
        ...


def collected(
    rows: Sequence[Sequence[Row]],
    table: Callable[[Sequence[Row]], Floats],
    values: Callable[[Floats], Floats],
) -> Statistics:
    """Statistics of systems, each given as one row an example; `table` makes counts of rows."""
    import numpy as np

    distinct = sorted({row for system in rows for row in system})
    number = {row: place for place, row in enumerate(distinct)}
    systems = tuple(np.array([number[row] for row in system], np.int64) for system in rows)
    return Statistics(table(distinct), systems, values)


def plain(rows: Sequence[Row]) -> Floats:
    """Rows that are counts already."""
    import numpy as np

    return np.array(rows, dtype=np.float64)


def divided(above: Floats, below: Floats) -> Floats:
    """Ratios, NaN where nothing is below."""
    import numpy as np

    nothing = np.full(np.broadcast(above, below).shape, np.nan)
    ratios: Floats = np.divide(above, below, out=nothing, where=below != 0)
    return ratios


def f1(counts: Floats) -> Floats:
    """F1 of (right, predicted, gold) in the last axis."""
    return divided(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


class Resampled(Spec):
    """Settings of the interval, which every metric has."""

    resamples: int = Field(default=1000, ge=0)
    """Of the bootstrap over examples, for the 95 % interval; 0: no interval."""
    bootstrap_seed: int = 12345
    """Of the interval only; sacrebleu's default."""


class Measuring(ABC):
    """A metric by counts of examples; what is left to say is what to count and how to divide."""

    free: ClassVar[int] = 0
    """How many texts at the end of an example are the prediction."""

    def __init__(self, spec: Resampled, main: str, context: Mapping[str, str]) -> None:
        self._resampled, self._main, self._context = spec, main, dict(context)

    @property
    @abstractmethod
    def name(self) -> str:
        """The score's name."""

    @abstractmethod
    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """What each pair of gold and predicted example contributes."""

    @abstractmethod
    def values(self, totals: Floats) -> Floats:
        """The main score of each row of summed counts."""

    @abstractmethod
    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:
        """All scores by name, the main one too; NaN where one is not defined."""

    @abstractmethod
    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:
        """What the signature tells of settings, before and behind the context."""

    def table(self, rows: Sequence[Row]) -> Floats:
        """Counts of distinct rows."""
        return plain(rows)

    def statistics(self, gold: Sequence[Example], *systems: Sequence[Example]) -> Statistics:
        """See `Testable`."""
        rows = [self.rows(self._pairs(gold, system)) for system in systems]
        return collected(rows, self.table, self.values)

    def measure(self, gold: Sequence[Example], predicted: Sequence[Example]) -> Score:
        """The main score (NaN where it is not defined), with all others as details.

        `details` also have the ends of the main score's 95 % interval, `…_low` and `…_high`.

        Raises:
            DataError: the examples are not the same, in the same order.
        """
        import numpy as np

        rows = self.rows(self._pairs(gold, predicted))
        own, further = self.parts(gold)
        signed = signature(self.name, own, self._context, gold, further)
        if not rows:
            return Score(self.name, np.nan, signed, {})
        found = collected([rows], self.table, self.values)
        details = self.details(sorted(set(rows)), found.totals(0)[0])
        interval = bootstrap(
            found.kinds,
            found.frequency(0),
            self.values,
            self._resampled.resamples,
            self._resampled.bootstrap_seed,
        )
        details |= dict(
            zip((f"{self._main}_low", f"{self._main}_high"), interval or (), strict=False)
        )
        told = {name: float(x) for name, x in details.items() if not isnan(x)}
        return Score(self.name, found.value(0), signed, told)

    def _pairs(
        self, gold: Sequence[Example], predicted: Sequence[Example]
    ) -> list[tuple[Example, Example]]:
        return list(check_parallel(gold, predicted, free=self.free))


def ratios(counts: Sequence[float], ending: str = "") -> dict[str, float]:
    """What is defined of precision, recall and F1 of (right, predicted, gold), with their sizes."""
    right, predicted, support = counts
    out = {f"support{ending}": float(support), f"predicted{ending}": float(predicted)}
    if predicted:
        out[f"precision{ending}"] = right / predicted
    if support:
        out[f"recall{ending}"] = right / support
    if predicted or support:
        out[f"f1{ending}"] = 2 * right / (predicted + support)
    return out


def interval_of(score: Score) -> tuple[float, float] | None:
    """The 95 % interval among a score's details, whatever the metric; None where there is none."""
    return interval_in(score.details)


def interval_in(details: Mapping[str, float]) -> tuple[float, float] | None:
    """As `interval_of`, of details as they are stored."""
    own = {name: x for name, x in details.items() if ":" not in name}  # no label's
    low = next((x for name, x in own.items() if name.endswith("_low")), None)
    high = next((x for name, x in own.items() if name.endswith("_high")), None)
    return None if low is None or high is None else (low, high)
