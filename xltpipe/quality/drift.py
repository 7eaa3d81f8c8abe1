"""Drift: how far the labels of one language's corpus have moved from the source's (Lin, 1991).

Losing spans at random moves no share. What moves them is a method that loses one label more
than the others, and chance: `expected` and `p_value` tell the two apart, so that a small corpus
does not alarm anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from xltpipe.quality.column import Floats

DRAWS = 1_999
"""Random splits for the p-value: its least is 1/2000."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Two distributions of labels and how far apart they are.

    `shares` has for each label its share in source and target, the most frequent in the source
    first. `total_variation` is the share of labels that would have to change, 0..1, and
    `divergence` the Jensen-Shannon divergence in bits, 0..1. `expected` is the total variation
    that two samples of these sizes from one distribution have on average, and `p_value` how often
    they have as much as was found. All are NaN where a side has no labels.
    """

    shares: Mapping[str, tuple[float, float]]
    total_variation: float
    divergence: float
    expected: float
    p_value: float

    @property
    def moved(self) -> str | None:
        """The label whose share changed most, None where there is none."""
        apart = {label: abs(b - a) for label, (a, b) in self.shares.items()}
        return max(apart, key=lambda label: apart[label], default=None)


def drift(source: Mapping[str, int], target: Mapping[str, int], *, seed: int = 0) -> Drift:
    """The drift from the numbers of spans per label in the source to those in the target.

    The noise is that of two independent samples: labels that were carried over one by one scatter
    less, so a p-value over-states chance rather than drift.
    """
    labels = sorted({*source, *target}, key=lambda name: (-source.get(name, 0), name))
    counts = np.array([[side.get(name, 0) for name in labels] for side in (source, target)])
    totals = counts.sum(axis=1) if labels else np.zeros(2, np.int64)
    shares = counts / np.maximum(1, totals)[:, None] if labels else np.zeros((2, 0))
    table = {name: (float(a), float(b)) for name, a, b in zip(labels, *shares, strict=True)}
    if not totals.all():
        return Drift(table, *[float("nan")] * 4)
    apart = float(_variation(shares[0], shares[1]))
    chance = _chance(counts, seed)
    # equal splits differ in the last bits
    p_value = (1 + int((chance >= apart - 1e-12).sum())) / (1 + len(chance))
    return Drift(table, apart, _divergence(shares[0], shares[1]), float(chance.mean()), p_value)


def _variation(one: Floats, other: Floats) -> Floats:
    found: Floats = np.abs(one - other).sum(axis=-1) / 2
    return found


def _divergence(one: Floats, other: Floats) -> float:
    middle = (one + other) / 2
    return max(0.0, float(_entropy(middle) - (_entropy(one) + _entropy(other)) / 2))


def _entropy(shares: Floats) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log2(some)).sum())


def _chance(counts: np.ndarray[tuple[int, int], np.dtype[np.int64]], seed: int) -> Floats:
    """Total variation of all labels together split anew into parts of the same sizes."""
    totals = counts.sum(axis=1)
    random = np.random.default_rng(seed)
    first = random.multivariate_hypergeometric(counts.sum(axis=0), totals[0], DRAWS, "marginals")
    return _variation(first / totals[0], (counts.sum(axis=0) - first) / totals[1])
