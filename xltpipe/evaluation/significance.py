"""Significance: whether one system beats another by more than the chance of this test set.

Paired bootstrap (Koehn, 2004; the null by shifting, Efron & Tibshirani, 1993) and paired
approximate randomisation (Noreen, 1989; Yeh, 2000), for any metric whose examples have counts
that sum up. A system may be several runs (seeds): its score is their mean, and examples are drawn
or exchanged in all runs at once, since runs on one test set are not independent samples of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TYPE_CHECKING, Literal

from xltpipe.errors import DataError
from xltpipe.evaluation.interval import draws
from xltpipe.evaluation.statistics import Statistics

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

Method = Literal["paired_bootstrap", "randomisation", "exact_randomisation"]

_CELLS = 4_000_000
_EPSILON = 1e-12
"""Differences that are equal but for the order of additions."""


@dataclass(frozen=True, slots=True)
class Significance:
    """The difference of two systems' scores (first less second), and how surprising it is.

    `p` is two-sided: how often chance alone gives a difference at least as large. `trials` are the
    resamples or exchanges that had a score. Of the bootstrap alone: `low` and `high`, the 95 %
    interval of the difference, and `wins`, the share of resamples in which the first is better
    (what Koehn reports).
    """

    difference: float
    p: float
    method: Method
    trials: int
    low: float | None = None
    high: float | None = None
    wins: float | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1; None of one value) of a score over seeds."""

    mean: float
    sd: float | None
    n: int


def spread(values: Sequence[float]) -> Spread:
    """Mean and deviation.

    Raises:
        DataError: there is no value.
    """
    if not values:
        raise DataError("Spread must be of one value or more, was: none")
    return Spread(mean(values), stdev(values) if len(values) > 1 else None, len(values))


def holm(p: Sequence[float]) -> list[float]:
    """P-values corrected for being several, same order (Holm, 1979).

    Each may be compared with the level as if it were alone; the chance that any of all true null
    hypotheses is rejected then is below the level.
    """
    corrected, highest = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda n: p[n])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        corrected[place] = highest
    return corrected


def paired_bootstrap(
    found: Statistics,
    first: Sequence[int],
    second: Sequence[int],
    resamples: int = 10_000,
    seed: int = 12345,
) -> Significance:
    """Compare two systems on resampled test sets; each is the numbers of its runs in `found`.

    Raises:
        DataError: no examples, or no runs, or no score is defined.
    """
    import numpy as np

    runs, frequency = _grouped(found, first, second)
    difference = _difference(found, first, second)
    parts = []
    for draw in draws(frequency, resamples, seed):
        scores = [found.values(draw @ found.kinds[run]) for run in runs.T]
        parts.append(np.mean(scores[: len(first)], axis=0) - np.mean(scores[len(first) :], axis=0))
    drawn = np.concatenate(parts) if parts else np.empty(0)
    drawn = drawn[~np.isnan(drawn)]
    if not drawn.size:
        raise DataError(f"Resamples must be some with a score, was: none of {resamples}")
    extreme = np.abs(drawn - difference) >= abs(difference) - _EPSILON
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Significance(
        difference,
        float((extreme.sum() + 1) / (drawn.size + 1)),
        "paired_bootstrap",
        int(drawn.size),
        float(low),
        float(high),
        float((drawn > _EPSILON).mean()),
    )


def randomisation(
    found: Statistics,
    first: Sequence[int],
    second: Sequence[int],
    trials: int = 10_000,
    seed: int = 12345,
) -> Significance:
    """Compare two systems by exchanging their outputs at random, example by example.

    Each is the numbers of its runs in `found`; the first run of one is exchanged with the first
    of the other, and so on. All exchanges are tried where there are no more than `trials`.

    Raises:
        DataError: no examples, or no runs or not as many, or no score is defined.
    """
    import numpy as np

    if len(first) != len(second):
        raise DataError(
            "Systems must have as many runs to be exchanged, was: "
            f"{len(first)} and {len(second)}; take the seeds that both have"
        )
    runs, frequency = _grouped(found, first, second)
    difference = _difference(found, first, second)
    differs = (runs[:, : len(first)] != runs[:, len(first) :]).any(axis=1)
    left, right = found.kinds[runs[:, : len(first)]], found.kinds[runs[:, len(first) :]]
    exchanged = (right - left)[differs]
    sums = [np.tensordot(frequency.astype(np.float64), side, 1) for side in (left, right)]
    counted = frequency[differs]
    exact = int(counted.sum()) <= 60 and 2 ** int(counted.sum()) <= trials
    parts = []
    moves = _all(counted) if exact else _some(counted, trials, seed)
    for moved in moves:
        shift = np.tensordot(moved, exchanged, 1)
        scores = [
            [found.values(sums[side][run] + sign * shift[:, run]) for run in range(len(first))]
            for side, sign in ((0, 1), (1, -1))
        ]
        parts.append(np.mean(scores[0], axis=0) - np.mean(scores[1], axis=0))
    drawn = np.concatenate(parts)
    drawn = drawn[~np.isnan(drawn)]
    extreme = int((np.abs(drawn) >= abs(difference) - _EPSILON).sum())
    p = extreme / drawn.size if exact else (extreme + 1) / (drawn.size + 1)
    method: Method = "exact_randomisation" if exact else "randomisation"
    return Significance(difference, float(p), method, int(drawn.size))


def _grouped(found: Statistics, first: Sequence[int], second: Sequence[int]) -> tuple[Ints, Ints]:
    """Which kinds examples are of in all runs, distinct, and how many examples are so."""
    import numpy as np

    if not first or not second:
        raise DataError(f"Systems must have a run each, was: {len(first)} and {len(second)}")
    if not len(found.kinds):
        raise DataError("Test set must have examples to compare systems on, was: none")
    every = np.stack([found.systems[run] for run in (*first, *second)], axis=1)
    runs, frequency = np.unique(every, axis=0, return_counts=True)
    return runs, frequency


def _difference(found: Statistics, first: Sequence[int], second: Sequence[int]) -> float:
    a, b = (mean(found.value(run) for run in runs) for runs in (first, second))
    if a != a or b != b:  # noqa: PLR0124 - NaN
        raise DataError("Score must be defined for both systems to compare them, was: NaN")
    return a - b


def _some(counted: Ints, trials: int, seed: int) -> Iterator[Floats]:
    """How many examples of each group are exchanged: each by the toss of a coin."""
    import numpy as np

    generator = np.random.default_rng(seed)
    at_once = max(1, _CELLS // max(1, len(counted)))
    for start in range(0, trials, at_once):
        size = (min(at_once, trials - start), len(counted))
        yield generator.binomial(counted, 0.5, size=size).astype(np.float64)


def _all(counted: Ints) -> Iterator[Floats]:
    """Every choice of examples to exchange, as numbers by group."""
    import numpy as np

    group = np.repeat(np.arange(len(counted)), counted)
    member = np.eye(len(counted))[group]  # one row per example
    choices = np.arange(2 ** len(group))
    chosen = (choices[:, None] >> np.arange(len(group))) & 1
    yield chosen.astype(np.float64) @ member
