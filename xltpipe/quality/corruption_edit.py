"""Edits of a unit that keep everything else of it true: bounds, placements, what came in."""

from __future__ import annotations

from dataclasses import replace

from xltpipe.text import is_punctuation, tokenise
from xltpipe.types import Bounds, Example, Placement, Span, Unit


def words_of(example: Example, text: int) -> list[Bounds]:
    """The bounds of a text's words, punctuation left out."""
    found = tokenise(example.texts[text])
    return [b for b, w in zip(found.bounds, found.strings, strict=True) if not is_punctuation(w)]


def rewritten(example: Example, text: int, bounds: Bounds, new: str) -> Example | None:
    """The example with `new` in place of a stretch; None if that would cut a span in two.

    Spans behind move along; a span that is the stretch, or holds it, keeps to it.
    """
    start, end = bounds
    grown = len(new) - (end - start)
    spans = []
    for span in example.spans:
        if span.text != text or span.end <= start:
            spans.append(span)
        elif span.start >= end:
            spans.append(replace(span, start=span.start + grown, end=span.end + grown))
        elif span.start <= start and end <= span.end and span.end + grown > span.start:
            spans.append(replace(span, end=span.end + grown))
        else:
            return None
    old = example.texts[text]
    texts = list(example.texts)
    texts[text] = old[:start] + new + old[end:]
    return replace(example, texts=tuple(texts), spans=tuple(spans), tokens=(), links=())


def with_target(unit: Unit, target: Example) -> Unit:
    """The unit with another target; what was received changes with it where it was the same."""
    received = tuple(
        replace(got, text=new) if got.text == old else got
        for got, old, new in zip(unit.received, unit.target.texts, target.texts, strict=False)
    )
    return replace(unit, target=target, received=received + unit.received[len(received) :])


def with_span(unit: Unit, place: int, span: Span) -> Unit:
    """The unit with one target span replaced."""
    spans = (*unit.target.spans[:place], span, *unit.target.spans[place + 1 :])
    return replace(unit, target=replace(unit.target, spans=spans, links=()))


def without_spans(unit: Unit, gone: set[int], reason: str) -> Unit:
    """The unit without these target spans; their placements say that they were lost, and why."""
    kept = [n for n in range(len(unit.target.spans)) if n not in gone]
    place = {old: new for new, old in enumerate(kept)}
    placements = tuple(_moved(p, place, reason) for p in unit.placements)
    target = replace(unit.target, spans=tuple(unit.target.spans[n] for n in kept), links=())
    return replace(unit, target=target, placements=placements)


def _moved(placement: Placement, place: dict[int, int], reason: str) -> Placement:
    if placement.target is None:
        return placement
    if placement.target not in place:
        return replace(placement, target=None, reason=reason)
    return replace(placement, target=place[placement.target])


def unlabelled(unit: Unit, number: int) -> Unit:
    """The unit as if one of its placements, and the spans on both sides, had never been."""
    gone = unit.placements[number]
    spans = tuple(s for n, s in enumerate(unit.source.spans) if n != gone.source)
    bare = replace(
        unit,
        source=replace(unit.source, spans=spans, links=()),
        placements=tuple(
            replace(p, source=p.source - (p.source > gone.source))
            for n, p in enumerate(unit.placements)
            if n != number
        ),
    )
    return bare if gone.target is None else without_spans(bare, {gone.target}, "unlabelled")
