"""Markers: mark spans, translate, read them back (EasyProject; Chen et al., 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import ClassVar, Literal

from xltpipe.projection.markup import PAIRS, Style, bounds, free_pairs, unwrap, wrap
from xltpipe.spec import Spec
from xltpipe.text import is_punctuation
from xltpipe.types import Bounds, Example, Placement, Span, Unit

SIMILAR = 0.5
"""difflib ratio over which a target span is taken for an entity (EasyProject's value)."""


class Markers(Spec):
    """Settings. `style` auto: the markers the model was trained with, else brackets."""

    kind: Literal["markers"] = "markers"
    style: Literal["auto", "letters", "xml", "brackets"] = "auto"

    in_place: ClassVar[bool] = False

    def build(self, *, native: bool = False) -> MarkerProjector:
        """The projector; `native` says that the translation model was trained with letters."""
        own: Style = "letters" if native else "brackets"
        style: Style = own if self.style == "auto" else self.style
        return MarkerProjector(style)


class MarkerProjector:
    """Sends marked text; the spans of what comes back are those whose marker pair survived.

    Letters and xml tags name their span, so types need no guess; with brackets, types come by
    order where all spans have one type, else by comparing with the entities' own translations,
    which are sent along.
    """

    in_place: ClassVar[bool] = False

    def __init__(self, style: Style) -> None:
        self.style: Style = style

    @property
    def marks(self) -> list[str]:
        """Every marker of the style, to check that the engine's tokeniser keeps them."""
        count = 1 if self.style == "brackets" else len(PAIRS[self.style])
        return [mark for pair in PAIRS[self.style][:count] for mark in pair]

    def prepare(self, example: Example) -> tuple[str, ...]:
        sent = [
            wrap(text, [s for s, _ in pairs], [p for _, p in pairs]) if pairs else text
            for text, pairs in zip(example.texts, self._plan(example), strict=True)
        ]
        return (*sent, *(self._entities(example)))

    def _plan(self, example: Example) -> list[list[tuple[Span, tuple[str, str]]]]:
        """For each text the spans that can be marked, with their pair; the others are left out."""
        plan = []
        for number, text in enumerate(example.texts):
            spans = [s for s in example.spans if s.text == number]
            free = free_pairs(text, self.style)
            if self.style == "brackets":
                flat = _flat(spans)
                plan.append([(s, free[0]) for s in flat] if free else [])
            else:
                plan.append(list(zip(spans, free, strict=False)))
        return plan

    def _entities(self, example: Example) -> tuple[str, ...]:
        if self.style != "brackets" or len({s.label for s in example.spans}) < 2:
            return ()
        return tuple(example.covered(s) for s in example.spans)

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill the target's text (without markers), spans and placements."""
        return [self._project(unit) for unit in units]

    def _project(self, unit: Unit) -> Unit:
        texts: list[str] = []
        found: dict[int, Span] = {}
        reasons: dict[int, str] = {}
        entities = [t.text for t in unit.received[len(unit.source.texts) :]]
        for number, pairs in enumerate(self._plan(unit.source)):
            marked = unit.received[number].text
            plain = unwrap(marked, [p for _, p in pairs])
            texts.append(plain.text)
            numbers = [_index(unit.source.spans, s) for s, _ in pairs]
            if self.style == "brackets":
                opened = next(iter(plain.opened.values()), [])
                closed = next(iter(plain.closed.values()), [])
                regions = _regions(plain.text, opened, closed, len(pairs))
                got = _assign(unit, numbers, regions, plain.text, entities)
            else:
                got = [
                    _named(plain.text, plain.opened.get(o, []), plain.closed.get(c, []))
                    for _, (o, c) in pairs
                ]
            for k, region in zip(numbers, got, strict=True):
                if isinstance(region, str):
                    reasons[k] = region
                else:
                    label = unit.source.spans[k].label
                    found[k] = Span(region[0], region[1], label, number)
        return _filled(unit, tuple(texts), found, reasons, self.style)


def _index(spans: Sequence[Span], span: Span) -> int:
    return next(k for k, s in enumerate(spans) if s is span)


def _flat(spans: Sequence[Span]) -> list[Span]:
    """Spans that do not overlap, longest first on conflicts: brackets cannot nest."""
    taken: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= t.start or t.end <= span.start for t in taken):
            taken.append(span)
    return sorted(taken, key=lambda s: s.start)


def _named(text: str, opened: Sequence[int], closed: Sequence[int]) -> Bounds | str:
    if len(opened) != 1 or len(closed) != 1 or opened[0] > closed[0]:
        return "markers_lost"
    return _solid(text, opened[0], closed[0])


def _solid(text: str, start: int, end: int) -> Bounds | str:
    found = bounds(text, start, end)
    if found is None:
        return "span_empty"
    if is_punctuation(text[found[0] : found[1]].replace(" ", "")):
        return "punctuation_only"
    return found


def _regions(
    text: str, opened: Sequence[int], closed: Sequence[int], wanted: int
) -> list[Bounds | str] | None:
    """The bracketed regions in order; None where their number or order is wrong."""
    if len(opened) != wanted or len(closed) != wanted:
        return None
    pairs = list(zip(opened, closed, strict=True))
    if any(a > b for a, b in pairs) or any(
        pairs[i][1] > pairs[i + 1][0] for i in range(wanted - 1)
    ):
        return None
    return [_solid(text, a, b) for a, b in pairs]


def _assign(
    unit: Unit,
    numbers: Sequence[int],
    regions: list[Bounds | str] | None,
    text: str,
    entities: Sequence[str],
) -> list[Bounds | str]:
    """Which region belongs to which source span: by order, or by likeness where types differ."""
    if regions is None:
        return ["markers_lost"] * len(numbers)
    if not entities:
        return regions
    given = [unit.source.covered(unit.source.spans[k]).casefold() for k in numbers]
    made = [entities[k].casefold() for k in numbers]
    out: list[Bounds | str] = ["type_unknown"] * len(numbers)
    left, open_regions = list(range(len(numbers))), []
    for region in regions:
        here = "" if isinstance(region, str) else text[region[0] : region[1]].casefold()
        choice = _like(here, left, made, given)
        if choice is None:
            open_regions.append(region)
        else:
            out[choice] = region
            left.remove(choice)
    if len(open_regions) == 1 and len(left) == 1:  # by elimination
        out[left[0]] = open_regions[0]
    return out


def _like(here: str, left: list[int], made: Sequence[str], given: Sequence[str]) -> int | None:
    for names in (made, given):
        for k in left:
            if here and names[k] == here:
                return k
    for names in (made, given):
        for k in left:
            if here and SequenceMatcher(None, names[k], here).ratio() > SIMILAR:
                return k
    return None


def _filled(
    unit: Unit,
    texts: tuple[str, ...],
    found: dict[int, Span],
    reasons: dict[int, str],
    style: Style,
) -> Unit:
    ordered = sorted(found, key=lambda k: (found[k].text, found[k].start, -found[k].end))
    position = {k: n for n, k in enumerate(ordered)}
    method = f"markers:{style}"
    placements = tuple(
        Placement(k, position[k], method)
        if k in position
        else Placement(k, None, method, None, reasons.get(k, "not_markable"))
        for k in range(len(unit.source.spans))
    )
    target = replace(unit.target, texts=texts, spans=tuple(found[k] for k in ordered))
    return replace(unit, target=target, placements=placements)
