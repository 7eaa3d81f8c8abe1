"""Interval: how far F1 moves when the test sentences are drawn anew (Koehn, 2004)."""

from __future__ import annotations

from collections.abc import Mapping

Counts = tuple[float, int, int]


def bootstrap(
    sentences: Mapping[Counts, int], resamples: int, seed: int
) -> tuple[float, float] | None:
    """The 2.5th and 97.5th percentile of micro F1 over resampled test sets.

    `sentences` says how many test sentences have which counts (credit, predicted, gold). Drawing
    n sentences with replacement is one multinomial draw over the distinct counts, so the cost
    does not grow with the test set. Resamples without any span are left out; None where there is
    no other.
    """
    import numpy as np

    kinds = sorted(sentences)
    rows = np.array(kinds, dtype=np.float64)
    if not rows.size or not rows[:, 1:].any():
        return None
    frequency = np.array([sentences[kind] for kind in kinds], dtype=np.float64)
    n = int(frequency.sum())
    drawn = np.random.default_rng(seed).multinomial(n, frequency / n, size=resamples)
    totals = drawn @ rows
    sizes = totals[:, 1] + totals[:, 2]
    f1 = 2 * totals[sizes > 0, 0] / sizes[sizes > 0]
    if not f1.size:
        return None
    low, high = np.percentile(f1, [2.5, 97.5])
    return float(low), float(high)
