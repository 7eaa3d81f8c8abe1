"""Counting: what the engines inside another one met on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from xltpipe.protocols import Counting, Translator


def counted(engines: Iterable[Translator]) -> Counter[str]:
    """The counts of those that count, summed."""
    total: Counter[str] = Counter()
    for engine in engines:
        if isinstance(engine, Counting):
            total.update(engine.counts)
    return total
