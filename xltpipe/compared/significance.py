"""Significance: could two systems' difference on the same test examples be chance?

Approximate randomisation (Noreen, 1989; Riezler & Maxwell, 2005) swaps the outputs of single
examples, all seeds of an example together: the test set is what is drawn, seeds are averaged over.
The paired bootstrap (Koehn, 2004) draws examples anew and gives an interval of the difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.float64]
"""Sums that make up a score, [seeds, examples, counts]: for F1 credit, predicted and gold spans."""
Value = Callable[[Counts], Counts]
"""A score from sums: [..., counts] to [...]."""

SEED = 12345
_CHUNK = 256
"""Rounds at once: with 10,000 examples 20 MB."""


def f1(sums: Counts) -> Counts:
    """Micro F1 of (credit, predicted, gold); 0 where there is no span on either side."""
    sizes = sums[..., 1] + sums[..., 2]
    return np.divide(2 * sums[..., 0], sizes, out=np.zeros_like(sizes), where=sizes > 0)


def difference(a: Counts, b: Counts, value: Value) -> float:
    """The mean over the seeds of `a` less that over those of `b`."""
    return float(value(a.sum(axis=1)).mean() - value(b.sum(axis=1)).mean())


def approximate_randomisation(
    a: Counts, b: Counts, value: Value, rounds: int, seed: int = SEED
) -> float:
    """The two-sided p of the difference under the hypothesis that either system made either output.

    Both need the same examples; one with a single seed stands beside each seed of the other.
    At best 1 / (rounds + 1).
    """
    left, right = _broadcast(a, b)
    observed = abs(difference(left, right, value)) - 1e-12
    swap = np.moveaxis(right - left, 1, 0)  # what a swap of an example adds to the left
    flat = swap.reshape(len(swap), -1)
    shape = (-1, swap.shape[1], swap.shape[2])
    totals = left.sum(axis=1), right.sum(axis=1)
    random = np.random.default_rng(seed)
    above = 0
    for size in _chunks(rounds):
        swapped = random.integers(0, 2, size=(size, len(flat))).astype(np.float64)
        moved = (swapped @ flat).reshape(shape)
        found = value(totals[0] + moved).mean(axis=1) - value(totals[1] - moved).mean(axis=1)
        above += int((np.abs(found) >= observed).sum())
    return (above + 1) / (rounds + 1)


def paired_bootstrap(
    a: Counts, b: Counts, value: Value, rounds: int, seed: int = SEED
) -> tuple[float, float]:
    """The 95 % interval of the difference over test sets of the same size, drawn anew."""
    n = a.shape[1]
    flat = [np.moveaxis(x, 1, 0).reshape(n, -1) for x in (a, b)]
    random = np.random.default_rng(seed)
    found: list[Any] = []
    for size in _chunks(rounds):
        drawn = random.multinomial(n, np.full(n, 1 / n), size=size).astype(np.float64)
        means = [
            value((drawn @ one).reshape(size, x.shape[0], x.shape[2])).mean(axis=1)
            for one, x in zip(flat, (a, b), strict=True)
        ]
        found.append(means[0] - means[1])
    low, high = np.percentile(np.concatenate(found), [2.5, 97.5])
    return float(low), float(high)


def holm(ps: Sequence[float]) -> list[float]:
    """Adjust p values to their number (Holm, 1979), same order; at most 1, never descending."""
    order = sorted(range(len(ps)), key=lambda k: ps[k])
    out, highest = [0.0] * len(ps), 0.0
    for rank, k in enumerate(order):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[k]))
        out[k] = highest
    return out


def _broadcast(a: Counts, b: Counts) -> tuple[Counts, Counts]:
    if a.shape[0] == b.shape[0]:
        return a, b
    if 1 not in (a.shape[0], b.shape[0]):
        raise ValueError(f"Seeds must be as many on both sides, or one, was: {len(a)} and {len(b)}")
    most = max(a.shape[0], b.shape[0])
    both = (np.broadcast_to(x, (most, *x.shape[1:])) for x in (a, b))
    left, right = both
    return left, right


def _chunks(rounds: int) -> list[int]:
    return [min(_CHUNK, rounds - start) for start in range(0, rounds, _CHUNK)]
