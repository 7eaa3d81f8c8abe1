"""Filling: from what was found for each source span to the target's spans and the placements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xltpipe.types import Placement, Span, Unit


@dataclass(frozen=True, slots=True)
class Placed:
    """A span found in the target, with the method's confidence and margin, 0..1 or None."""

    span: Span
    score: float | None = None
    method: str | None = None
    rank: int = 0
    margin: float | None = None


def filled(unit: Unit, found: Mapping[int, Placed | str], method: str) -> Unit:
    """The unit with spans in text order and one placement per source span.

    `found` goes by place in the source's spans; a string is the reason why a span was lost, a
    place that is missing means that its text has no counterpart (`text_missing`).
    """
    placed = {k: f for k, f in found.items() if not isinstance(f, str)}
    ordered = sorted(
        placed, key=lambda k: (placed[k].span.text, placed[k].span.start, -placed[k].span.end)
    )
    position = {k: n for n, k in enumerate(ordered)}
    placements = []
    for k in range(len(unit.source.spans)):
        outcome = found.get(k, "text_missing")
        if isinstance(outcome, str):
            placements.append(Placement(k, None, method, None, outcome))
        else:
            by = outcome.method or method
            placements.append(
                Placement(
                    k,
                    position[k],
                    by,
                    outcome.score,
                    rank=outcome.rank,
                    margin=outcome.margin,
                )
            )
    spans = tuple(placed[k].span for k in ordered)
    return replace(unit, target=replace(unit.target, spans=spans), placements=tuple(placements))
