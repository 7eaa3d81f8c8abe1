"""Interval: how far a score moves when the test examples are drawn anew (Koehn, 2004)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Values = Callable[[Floats], Floats]

_CELLS = 4_000_000
"""Draws held at once, 8 bytes each."""


def bootstrap(
    kinds: Floats, frequency: Ints, values: Values, resamples: int, seed: int
) -> tuple[float, float] | None:
    """The 2.5th and 97.5th percentile of a score over resampled test sets.

    `kinds` are distinct rows of counts, `frequency` says how many examples have each, and `values`
    makes scores of sums of counts (one row each, NaN where there is none). Resamples without a
    score are left out; None where there is no other.
    """
    import numpy as np

    if not kinds.size or not resamples or np.isnan(values(frequency[None] @ kinds)).all():
        return None
    drawn = [values(draw @ kinds) for draw in draws(frequency, resamples, seed)]
    scores = np.concatenate(drawn)
    scores = scores[~np.isnan(scores)]
    if not scores.size:
        return None
    low, high = np.percentile(scores, [2.5, 97.5])
    return float(low), float(high)


def draws(frequency: Ints, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each kind is drawn in each resample, some resamples at a time.

    Drawing n examples with replacement is one multinomial draw over the distinct kinds, so the
    cost does not grow with the test set where examples are alike.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    n = int(frequency.sum())
    at_once = max(1, _CELLS // len(frequency))
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        yield generator.multinomial(n, frequency / n, size=size).astype(np.float64)
