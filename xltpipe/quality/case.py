"""Names that lost their capital: where the engine dropped a name, aligners link a function word."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from xltpipe.types import Unit

NOUN_CAPITALS = frozenset({"deu", "ltz"})
"""Languages that capitalise every noun: there a capital says nothing about names."""


class SpanCase:
    """Share 0..1 of placed spans that have a capital if the source span has; NaN if none has.

    Off by default: nationalities and titles rightly lose their capital in many languages. Worth
    switching on for people, places and organisations.
    """

    def score(self, units: Sequence[Unit]) -> list[float]:
        return [self._one(unit) for unit in units]

    def _one(self, unit: Unit) -> float:
        if unit.source.lang in NOUN_CAPITALS:
            return nan
        kept = []
        for placement in unit.placements:
            if placement.target is None:
                continue
            given = unit.source.covered(unit.source.spans[placement.source])
            found = unit.target.covered(unit.target.spans[placement.target])
            # a script that writes no capitals (Arabic, Han, Georgian) cannot lose one
            if _capital(given) and any(c.lower() != c.title() for c in found):
                kept.append(_capital(found))
        return sum(kept) / len(kept) if kept else nan


def _capital(text: str) -> bool:
    return any(c.isupper() or c.istitle() for c in text)
