"""Places: which occurrence of its answer each span takes, all spans of a text together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xltpipe.types import Bounds, Span

MOST_STATES = 512
"""Partial choices kept; with no more than these the best choice is found exactly."""

_SWAPPED_TWINS = 1.0
_SWAPPED = 0.1
"""Cost of two spans whose order turned round: hardly ever right for two of the same text, often
enough for others. The distance between relative places, 0..1, is added."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A source span and the places in the target that its answer may mean, with a confidence."""

    span: Span
    places: tuple[Bounds, ...]
    score: float


@dataclass(frozen=True, slots=True)
class _State:
    """Places taken by the first claims; better is a greater rank."""

    taken: tuple[Bounds | None, ...] = ()
    placed: int = 0
    score: float = 0.0
    cost: float = 0.0

    @property
    def rank(self) -> tuple[int, float, float]:
        return self.placed, round(self.score, 9), -round(self.cost, 9)


def choose(claims: Sequence[Claim], source: int, target: int) -> list[Bounds | None]:
    """One place per claim, None where others took them all.

    As many spans as can be are placed, those with the greatest confidence, and in the order and at
    the relative places of the source. Spans overlap only where they do so in the source.

    Args:
        source, target: lengths of the two texts in characters.
    """
    order = sorted(range(len(claims)), key=lambda k: (claims[k].span.start, -claims[k].span.end, k))
    ordered = [claims[k] for k in order]
    states = [_State()]
    for claim in ordered:
        grown = [
            _grown(state, claim, place, ordered, (source, target))
            for state in states
            for place in (*claim.places, None)
            if place is None or _free(state, claim, place, ordered)
        ]
        states = sorted(grown, key=lambda state: state.rank, reverse=True)[:MOST_STATES]
    out: list[Bounds | None] = [None] * len(claims)
    for k, place in zip(order, states[0].taken, strict=True):
        out[k] = place
    return out


def _free(state: _State, claim: Claim, place: Bounds, claims: Sequence[Claim]) -> bool:
    return all(
        other is None
        or other[1] <= place[0]
        or place[1] <= other[0]
        or _overlap(claims[k].span, claim.span)
        for k, other in enumerate(state.taken)
    )


def _grown(
    state: _State,
    claim: Claim,
    place: Bounds | None,
    claims: Sequence[Claim],
    lengths: tuple[int, int],
) -> _State:
    taken = (*state.taken, place)
    if place is None:
        return _State(taken, state.placed, state.score, state.cost)
    cost = abs(_middle(claim.span.start, claim.span.end, lengths[0]) - _middle(*place, lengths[1]))
    for k, other in enumerate(state.taken):
        if other is not None and place < other and not _overlap(claims[k].span, claim.span):
            twins = set(claims[k].places) == set(claim.places)
            cost += _SWAPPED_TWINS if twins else _SWAPPED
    return _State(taken, state.placed + 1, state.score + claim.score, state.cost + cost)


def _middle(start: int, end: int, length: int) -> float:
    return (start + end) / 2 / max(1, length)


def _overlap(a: Span, b: Span) -> bool:
    return a.start < b.end and b.start < a.end
