"""Faults of labels: spans dropped, moved, or with each other's label or place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltpipe.quality.corruption_edit import unlabelled, with_span, without_spans, words_of
from xltpipe.quality.corruption_pool import Made, Pool, Random, pick, told
from xltpipe.types import Unit


def dropped_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A span is missing in the target, as a projector that loses it leaves it."""
    if not unit.target.spans:
        return None
    gone = pick(random, len(unit.target.spans))
    return without_spans(unit, {gone}, "dropped"), f"dropped {told(unit, gone)}"


def unlabelled_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A span is missing on both sides: a gap in the annotation, which no projection can see."""
    placed = [n for n, p in enumerate(unit.placements) if p.target is not None]
    if not placed:
        return None
    number = placed[pick(random, len(placed))]
    at = unit.placements[number].target or 0
    return unlabelled(unit, number), f"unlabelled {told(unit, at)}"


def shifted_span(unit: Unit, random: Random, _: Pool) -> Made:
    """A whole span moved by one to three words."""
    return _moved(unit, random, [(by, by) for by in (-3, -2, -1, 1, 2, 3)])


def moved_boundary(unit: Unit, random: Random, _: Pool) -> Made:
    """One boundary of a span moved by a word."""
    return _moved(unit, random, [(-1, 0), (1, 0), (0, -1), (0, 1)])


def _moved(unit: Unit, random: Random, moves: Sequence[tuple[int, int]]) -> Made:
    """A span with its first and last word moved so far; it stays in the text, clear of others."""
    spans = unit.target.spans
    found = []
    for number, span in enumerate(spans):
        words = words_of(unit.target, span.text)
        first = next((n for n, w in enumerate(words) if w[1] > span.start), None)
        last = next((n for n in reversed(range(len(words))) if words[n][0] < span.end), None)
        if first is None or last is None or first > last:
            continue
        others = [s for n, s in enumerate(spans) if n != number and s.text == span.text]
        for begin, end in moves:
            a, b = first + begin, last + end
            if not 0 <= a <= b < len(words):
                continue
            new = replace(span, start=words[a][0], end=words[b][1])
            if not any(new.start < o.end and o.start < new.end for o in others):
                found.append((number, new))
    if not found:
        return None
    number, new = found[pick(random, len(found))]
    made = with_span(unit, number, new)
    return made, f"{told(unit, number)} is {made.target.covered(new)!r} now"


def swapped_labels(unit: Unit, random: Random, _: Pool) -> Made:
    """Two target spans with each other's labels."""
    return _exchanged(unit, random, places=False)


def swapped_places(unit: Unit, random: Random, _: Pool) -> Made:
    """Two spans of different labels placed where the other belongs: every label count is right."""
    return _exchanged(unit, random, places=True)


def _exchanged(unit: Unit, random: Random, *, places: bool) -> Made:
    spans = unit.target.spans
    pairs = [
        (a, b)
        for a in range(len(spans))
        for b in range(a + 1, len(spans))
        if spans[a].label != spans[b].label and spans[a].text == spans[b].text
    ]
    if not pairs:
        return None
    a, b = pairs[pick(random, len(pairs))]
    made = with_span(unit, a, replace(spans[a], label=spans[b].label))
    made = with_span(made, b, replace(spans[b], label=spans[a].label))
    if places:
        other = {a: b, b: a}
        placements = tuple(
            replace(p, target=other.get(p.target, p.target)) if p.target is not None else p
            for p in unit.placements
        )
        made = replace(made, placements=placements)
    return made, f"{told(unit, a)} and {told(unit, b)} exchanged"
