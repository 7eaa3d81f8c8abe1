"""Carried: what goes over into the target beside spans, which no projector need know of.

Links follow their spans, and texts that are not translated keep theirs where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltpipe.types import Example, Link, Placement, Span, Unit

METHOD = "verbatim"
"""The method of placements in texts that are not translated."""


def of_labels(example: Example, labels: Sequence[str] | None) -> Example:
    """The example with spans of these labels alone (None: all), and the links between them."""
    if labels is None or all(s.label in labels for s in example.spans):
        return example
    left = [k for k, s in enumerate(example.spans) if s.label in labels]
    links = moved(example.links, {k: n for n, k in enumerate(left)})
    return replace(example, spans=tuple(example.spans[k] for k in left), links=links)


def reference_kept(example: Example) -> Example:
    """Of parallel data the last text, a translation by a person, stays as it is."""
    if example.verbatim or len(example.texts) < 2:
        return example
    return replace(example, verbatim=(len(example.texts) - 1,))


def answered(example: Example, text: str) -> Example:
    """The example with another last text, and without what holds of the one that was there."""
    last = len(example.texts) - 1
    spans = tuple(s for s in example.spans if s.text != last)
    links = example.links if len(spans) == len(example.spans) else ()
    tokens = example.tokens if last else ()
    texts = (*example.texts[:last], text)
    return replace(example, texts=texts, spans=spans, links=links, tokens=tokens)


def shown(example: Example) -> Example:
    """The example as projectors see it: no links, no spans in texts that are not translated."""
    if not (example.verbatim or example.links):
        return example
    spans = tuple(s for s in example.spans if s.text not in example.verbatim)
    return replace(example, spans=spans, links=())


def shown_unit(unit: Unit) -> Unit:
    """The unit as projectors see it."""
    source = shown(unit.source)
    return unit if source is unit.source else replace(unit, source=source)


def restored(given: Unit, done: Unit) -> Unit:
    """A unit that was projected as `shown`, with the spans of verbatim texts at their places."""
    source = given.source
    if not source.verbatim:
        return replace(done, source=source) if source.links else done
    seen = [k for k, s in enumerate(source.spans) if s.text not in source.verbatim]
    found = {seen[p.source]: p for p in done.placements}
    spans = {k: s for k, s in enumerate(source.spans) if s.text in source.verbatim}
    spans |= {k: done.target.spans[p.target] for k, p in found.items() if p.target is not None}
    order = sorted(spans, key=lambda k: (spans[k].text, spans[k].start, -spans[k].end))
    place = {k: n for n, k in enumerate(order)}
    placements = tuple(
        replace(found[k], source=k, target=place.get(k))
        if k in found
        else Placement(k, place[k], METHOD, 1.0)
        for k in range(len(source.spans))
    )
    texts = tuple(
        source.texts[k] if k in source.verbatim else text
        for k, text in enumerate(done.target.texts)
    )
    target = replace(done.target, texts=texts, spans=tuple(spans[k] for k in order))
    return replace(done, source=source, target=target, placements=placements)


def linked(unit: Unit) -> Unit:
    """The projected unit with those of its source's links that kept both their spans."""
    if not unit.source.links:
        return unit
    became = {p.source: p.target for p in unit.placements if p.target is not None}
    return replace(unit, target=replace(unit.target, links=moved(unit.source.links, became)))


def moved(links: tuple[Link, ...], became: dict[int, int]) -> tuple[Link, ...]:
    """The links between spans that went to other places; one that loses an end is left out."""
    return tuple(
        Link(became[link.head], became[link.tail], link.label)
        for link in links
        if link.head in became and link.tail in became
    )


def translated(unit: Unit) -> Unit:
    """The projected unit without its verbatim texts: what a translation is judged by."""
    gone = unit.source.verbatim
    if not gone:
        return unit
    count = len(unit.source.texts)
    texts = [k for k in range(count) if k not in gone]
    source, at = _of(unit.source, texts)
    target, to = _of(unit.target, texts)
    placements = tuple(
        replace(p, source=at[p.source], target=None if p.target is None else to[p.target])
        for p in unit.placements
        if p.source in at
    )
    sent = (*(unit.sent[k] for k in texts), *unit.sent[count:])
    received = (*(unit.received[k] for k in texts), *unit.received[count:])
    return replace(
        unit, source=source, target=target, sent=sent, received=received, placements=placements
    )


def _of(example: Example, texts: list[int]) -> tuple[Example, dict[int, int]]:
    """The example of some of its texts, and the new place of each span that is left."""
    number = {k: n for n, k in enumerate(texts)}
    left = [k for k, s in enumerate(example.spans) if s.text in number]
    spans = tuple(
        Span(s.start, s.end, s.label, number[s.text]) for s in (example.spans[k] for k in left)
    )
    became = {k: n for n, k in enumerate(left)}
    made = replace(
        example,
        texts=tuple(example.texts[k] for k in texts),
        spans=spans,
        tokens=example.tokens if 0 in number and number[0] == 0 else (),
        masked=tuple(number[k] for k in example.masked if k in number),
        links=moved(example.links, became),
        verbatim=(),
    )
    return made, became
