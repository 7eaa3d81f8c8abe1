"""Counting: what the engines inside another one met on the way."""

from __future__ import annotations

from collections.abc import Iterable

from xltpipe.protocols import Counting, Translator

Counts = dict[str, int | float]


def counted(engines: Iterable[Translator]) -> Counts:
    """The counts of those that count, summed."""
    total: Counts = {}
    for engine in engines:
        for name, number in engine.counts.items() if isinstance(engine, Counting) else ():
            total[name] = total.get(name, 0) + number
    return dict(sorted(total.items()))
