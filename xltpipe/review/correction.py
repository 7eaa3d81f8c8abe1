"""Correction: a row as its reviewer wants it, every span still explained."""

from __future__ import annotations

from dataclasses import replace

from xltpipe.carried import moved
from xltpipe.datasets.label_studio import ACCEPT, REJECT
from xltpipe.datasets.label_studio_reader import Decision
from xltpipe.review.spans import changes
from xltpipe.types import Placement, Span, Unit

REVIEW = "review"
"""What a person decided: the method of a placement, the reason of a lost span or rejected row."""


def corrected(unit: Unit, decision: Decision) -> Unit:
    """The unit with the reviewer's spans, label and verdict.

    Without a verdict the row stays what it was: kept, rejected or quarantined. A text that was
    masked is no longer: what bears no label now was seen by a person and left without. Links stay
    with the spans that they join; one whose span was removed goes with it.
    """
    label = unit.target.label if decision.label is None else decision.label
    became = {
        c.before: c.after
        for c in changes(unit.target.spans, decision.spans)
        if c.before is not None and c.after is not None
    }
    links = moved(unit.target.links, became)
    target = replace(unit.target, spans=decision.spans, label=label, masked=(), links=links)
    done = replace(unit, target=target, placements=_placements(unit, decision.spans))
    if decision.verdict == ACCEPT:
        return replace(done, reasons=(), error=None)
    if decision.verdict == REJECT:
        return replace(done, reasons=(REVIEW,), error=None)
    return done


def _placements(unit: Unit, spans: tuple[Span, ...]) -> tuple[Placement, ...]:
    """One placement per source span: to the span that took its place, or lost for a reason.

    A span that is still there, moved or relabelled keeps its source. Of what is left, one source
    span and one new span belong together if they are the only ones of their label in their text.
    """
    linked = _followed(unit, spans)
    free = [i for i in range(len(unit.source.spans)) if i not in linked]
    added = [j for j in range(len(spans)) if j not in linked.values()]
    for i in free:
        kind = _kind(unit.source.spans[i])
        mates = [j for j in added if _kind(spans[j]) == kind]
        alone = sum(_kind(unit.source.spans[k]) == kind for k in free) == 1
        if alone and len(mates) == 1:
            linked[i] = mates[0]
    known = {p.source: p for p in unit.placements}
    return tuple(
        Placement(i, linked[i], REVIEW) if i in linked else _lost(i, known.get(i))
        for i in range(len(unit.source.spans))
    )


def _followed(unit: Unit, spans: tuple[Span, ...]) -> dict[int, int]:
    """For each source span that was placed: the new span that its target became."""
    became = {c.before: c.after for c in changes(unit.target.spans, spans)}
    return {
        p.source: j
        for p in unit.placements
        if p.target is not None and (j := became.get(p.target)) is not None
    }


def _lost(source: int, before: Placement | None) -> Placement:
    """What was lost before keeps its reason; the rest was removed by the reviewer."""
    if before is not None and before.target is None:
        return before
    return Placement(source, None, REVIEW, reason=REVIEW)


def _kind(span: Span) -> tuple[int, str]:
    return span.text, span.label
