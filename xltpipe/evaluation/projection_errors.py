"""Projection errors: what became of each source span, beside gold spans on the same target text.

The kinds answer the question that F1 leaves open: is a method's error a lost span, a wrong edge or
a wrong place? Matching is one to one and joint for all spans of a text and label.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from xltpipe.evaluation.assignment import assigned
from xltpipe.types import Example, Span, Unit

KINDS: Mapping[str, str] = {
    "exact": "on the gold span",
    "clipped": "inside the gold span, but shorter",
    "too_wide": "around the gold span, but longer",
    "shifted": "partly on the gold span, partly beside it",
    "wrong_place": "beside the gold span: no character of it is covered",
    "lost": "not placed, though gold has a span for it; the reason is the method's",
    "spurious": "placed, but gold has no span left for it",
    "absent": "not placed, and gold has none for it either",
    "no_source": "a gold span for which the source has none",
}
"""Each kind of outcome in words. The source's spans are all but `no_source`; gold's are all but
`spurious` and `absent`."""

FINE = frozenset({"exact", "absent", "no_source"})
"""Kinds that are no error of the method's."""

_FAR = 1 << 31
"""Beyond any distance between two spans of a text, whose offsets are 32 bit on the shelf."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one span. `source` is its place in the source's spans; None for a gold span
    without source, and for a predicted span that no placement explains.
    """

    kind: str
    label: str
    source: int | None = None
    predicted: Span | None = None
    gold: Span | None = None
    reason: str | None = None


Found = tuple[int | None, Span]
"""A predicted span, and the source span that it stands for."""


def outcomes(unit: Unit, gold: Example) -> list[Outcome]:
    """One outcome per source span, in order, then those beyond the source's spans.

    A unit in error lost all its spans (`quarantined`). Gold spans are a set: one that is said
    twice counts once.
    """
    lost = _lost(unit)
    placed = _placed(unit)
    truth = sorted(set(gold.spans), key=_order)
    groups = sorted(
        {(s.label, s.text) for s in [*truth, *(p for _, p in placed)]}
        | {(unit.source.spans[k].label, unit.source.spans[k].text) for k in lost}
    )
    found: list[Outcome] = []
    for label, text in groups:
        here = (label, text)
        gone = [k for k in lost if _kin(unit.source.spans[k]) == here]
        mine = [(k, s) for k, s in placed if _kin(s) == here]
        theirs = [s for s in truth if _kin(s) == here]
        found += _group(label, mine, theirs, {k: lost[k] for k in gone})
    last = len(unit.source.spans)
    return sorted(found, key=lambda o: last if o.source is None else o.source)


def tally(found: Iterable[Outcome]) -> Counter[tuple[str, str]]:
    """How many outcomes there are of each label and kind."""
    return Counter((outcome.label, outcome.kind) for outcome in found)


def _kin(span: Span) -> tuple[str, int]:
    return span.label, span.text


def _order(span: Span) -> tuple[int, int, int, str]:
    return span.text, span.start, span.end, span.label


def _lost(unit: Unit) -> dict[int, str]:
    """The source spans without a place, each with the reason."""
    if unit.error is not None:
        return dict.fromkeys(range(len(unit.source.spans)), "quarantined")
    return {p.source: p.reason or "" for p in unit.placements if p.target is None}


def _placed(unit: Unit) -> list[Found]:
    """All predicted spans in text order; those that no placement names stand for none."""
    if unit.error is not None:
        return []
    spans = unit.target.spans
    found: list[Found] = [
        (p.source, spans[p.target]) for p in unit.placements if p.target is not None
    ]
    named = {p.target for p in unit.placements}
    found += [(None, span) for span in {s for n, s in enumerate(spans) if n not in named}]
    return sorted(found, key=lambda f: (_order(f[1]), f[0] is None, f[0] or 0))


def _group(
    label: str, mine: Sequence[Found], theirs: Sequence[Span], lost: Mapping[int, str]
) -> list[Outcome]:
    """The outcomes of one label in one text: touching spans first, then what is left over.

    Of what is left, placed spans take gold spans before lost ones do: the sums are the same.
    """
    found: list[Outcome] = []
    left, free = list(mine), list(theirs)
    for weigh in (_overlap(theirs), _nearness):
        for a, b in assigned([[weigh(span, right) for right in free] for _, span in left]):
            (source, span), right = left[a], free[b]
            found.append(Outcome(_kind(span, right), label, source, span, right))
        done = {(o.source, o.predicted) for o in found}
        taken = {o.gold for o in found}
        left = [f for f in left if f not in done and f[0] is not None]
        free = [s for s in free if s not in taken]
    extra = [f for f in mine if f not in {(o.source, o.predicted) for o in found}]
    found += [Outcome("spurious", label, source, span) for source, span in extra]
    missing = iter(free)
    for source, reason in sorted(lost.items()):
        wanted = next(missing, None)
        kind = "absent" if wanted is None else "lost"
        found.append(Outcome(kind, label, source, None, wanted, reason))
    return found + [Outcome("no_source", label, None, None, unasked) for unasked in missing]


def _overlap(theirs: Sequence[Span]) -> Callable[[Span, Span], int]:
    """Characters in common; an exact pair counts more than all others together."""
    most = 1 + sum(span.end - span.start for span in theirs)

    def weigh(span: Span, gold: Span) -> int:
        if span == gold:
            return most
        return max(0, min(span.end, gold.end) - max(span.start, gold.start))

    return weigh


def _nearness(span: Span, gold: Span) -> int:
    return _FAR - max(span.start - gold.end, gold.start - span.end)


def _kind(span: Span, gold: Span) -> str:
    if (span.start, span.end) == (gold.start, gold.end):
        return "exact"
    if span.end <= gold.start or gold.end <= span.start:
        return "wrong_place"
    if gold.start <= span.start and span.end <= gold.end:
        return "clipped"
    if span.start <= gold.start and gold.end <= span.end:
        return "too_wide"
    return "shifted"
