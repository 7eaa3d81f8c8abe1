"""Agreement of projectors where there is no gold: who placed each source span where.

Plain pairwise agreement: two methods agree on a span if they place it identically or both lose it.
Chance-corrected coefficients (Fleiss, 1971) need categories that all items share; the places in a
text are each item's own, and agreeing on one by chance is next to impossible.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.types import Placement, Span, Unit

AGREEMENT_KINDS: Mapping[str, str] = {
    "agreed": "placed as by every other method",
    "shared": "placed as by some other methods, not by all",
    "alone": "placed as by no other method",
    "lost": "not placed; the reason is the method's",
    "uncompared": "placed, but no other method labelled this target text",
}
"""Each kind of outcome without gold, in words."""

AGREED = frozenset({"agreed"})
"""Kinds that nobody needs to look into."""


@dataclass(slots=True)
class Agreement:
    """Source spans that two methods placed alike, of those in a target text that both had."""

    same: int = 0
    comparable: int = 0

    @property
    def share(self) -> float | None:
        """None where the two methods never had the same target text."""
        return self.same / self.comparable if self.comparable else None


def compared(units: Sequence[Unit]) -> list[list[Outcome]]:
    """For each method's unit of one row the outcomes of its source spans, beside the others'."""
    return [
        [_outcome(unit, k, [u for u in units if u is not unit]) for k in _spans(unit)]
        for unit in units
    ]


def pairwise(rows: Iterable[Sequence[Unit]], methods: int) -> dict[tuple[int, int], Agreement]:
    """Agreement of each two methods (by number, ascending) over the rows; both lost is agreed."""
    found = {(a, b): Agreement() for a in range(methods) for b in range(a + 1, methods)}
    for units in rows:
        for (a, b), pairs in found.items():
            for k in _spans(units[a]):
                if _same_text(units[a], units[b], k):
                    pairs.comparable += 1
                    pairs.same += _place(units[a], k) == _place(units[b], k)
    return found


def _spans(unit: Unit) -> range:
    return range(len(unit.source.spans))


def _outcome(unit: Unit, source: int, others: Sequence[Unit]) -> Outcome:
    label, place = unit.source.spans[source].label, _place(unit, source)
    if place is None:
        return Outcome("lost", label, source, reason=_reason(unit, source))
    peers = [_place(other, source) for other in others if _same_text(unit, other, source)]
    alike = sum(peer == place for peer in peers)
    kind = "agreed" if alike == len(peers) else "shared" if alike else "alone"
    return Outcome(kind if peers else "uncompared", label, source, place)


def _same_text(one: Unit, other: Unit, source: int) -> bool:
    """Both have the target text in which the span would be: a marked text may come back other."""
    text = one.source.spans[source].text
    sides = (one.target.texts[text : text + 1], other.target.texts[text : text + 1])
    return sides[0] == sides[1]


def _place(unit: Unit, source: int) -> Span | None:
    target = None if unit.error is not None else _placement(unit, source).target
    return None if target is None else unit.target.spans[target]


def _reason(unit: Unit, source: int) -> str | None:
    return "quarantined" if unit.error is not None else _placement(unit, source).reason


def _placement(unit: Unit, source: int) -> Placement:
    return next(p for p in unit.placements if p.source == source)
