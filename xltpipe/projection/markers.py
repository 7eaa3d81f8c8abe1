"""Markers: mark spans, translate, read them back (EasyProject; Chen et al., 2023)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from xltpipe import progress
from xltpipe.alignment import AlignerSpec
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.markup import (
    PAIRS,
    Style,
    Unwrapped,
    bounds,
    free_pairs,
    normalise,
    unwrap,
    wrap,
)
from xltpipe.projection.repair import ALIKE, likeness, mend, respell
from xltpipe.projection.tools import Projection, Tools
from xltpipe.text import is_punctuation
from xltpipe.types import Bounds, Example, Span, Unit

SIMILAR = 0.5
"""difflib ratio over which a target span is taken for an entity (EasyProject's value)."""


class Markers(Projection):
    """Settings. `style` auto: the markers the model was trained with, else brackets.

    `repair` puts right misspelt markers and finds spans that lost one by their looks; without it
    such spans are lost, as in EasyProject.
    """

    kind: Literal["markers"] = "markers"
    style: Literal["auto", "letters", "xml", "brackets"] = "auto"
    repair: bool = True

    in_place: ClassVar[bool] = False

    @property
    def marking(self) -> Markers:
        return self

    def meet(self, tools: Tools) -> None:
        if tools.native_markers and self.style not in {"auto", "letters"}:
            progress.note(
                f"markers of style {self.style} are not those that the engine was trained with "
                '(style = "letters"): expect most of them to be lost'
            )

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return ()

    def build(self, tools: Tools) -> MarkerProjector:
        return self.sender(native_markers=tools.native_markers)

    def sender(self, *, native_markers: bool) -> MarkerProjector:
        """The projector; `native_markers`: the translation model was trained with letters."""
        own: Style = "letters" if native_markers else "brackets"
        style: Style = own if self.style == "auto" else self.style
        return MarkerProjector(style, repair=self.repair)


class MarkerProjector:
    """Sends marked text; the spans of what comes back are those whose marker pair survived.

    Letters and xml tags name their span, so types need no guess; with brackets, types come by
    order where all spans have one type, else by comparing with the entities' own translations,
    which are sent along.
    """

    in_place: ClassVar[bool] = False

    def __init__(self, style: Style, *, repair: bool) -> None:
        self.style: Style = style
        self.repair = repair

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
        every = range(len(unit.source.spans))
        found: dict[int, Placed | str] = dict.fromkeys(every, "not_markable")
        entities = [t.text for t in unit.received[len(unit.source.texts) :]]
        for number, planned in enumerate(self._plan(unit.source)):
            pairs = [pair for _, pair in planned]
            numbers = [_index(unit.source.spans, span) for span, _ in planned]
            marked = unit.received[number].text
            if self.style == "brackets" and pairs:
                marked = normalise(marked, pairs[0], unit.source.texts[number])
            if self.repair:
                marked = respell(marked, self.style, pairs, unit.source.texts[number])
            plain = unwrap(marked, pairs)
            texts.append(plain.text)
            if self.style == "brackets":
                got = _assign(unit, numbers, plain, pairs, entities, repair=self.repair)
            else:
                names = [[unit.source.covered(span)] for span, _ in planned]
                got = [
                    _named(plain, pair, name, repair=self.repair)
                    for pair, name in zip(pairs, names, strict=True)
                ]
            for k, region in zip(numbers, got, strict=True):
                found[k] = self._placed(region, plain.text, unit.source, k)
        labelled = replace(unit, target=replace(unit.target, texts=tuple(texts), spans=()))
        return filled(labelled, found, f"markers:{self.style}")

    def _placed(self, region: Region | str, text: str, source: Example, k: int) -> Placed | str:
        if isinstance(region, str):
            return region
        span = source.spans[k]
        solid = _solid(text, region.bounds, source.covered(span))
        if isinstance(solid, str):
            return solid
        method = None if region.alike is None else f"markers:{self.style}:repaired"
        return Placed(Span(*solid, span.label, span.text), region.alike, method)


@dataclass(frozen=True, slots=True)
class Region:
    """A marked stretch; `alike` tells the likeness to its span where it had to be repaired."""

    bounds: Bounds
    alike: float | None = None


def _index(spans: Sequence[Span], span: Span) -> int:
    return next(k for k, s in enumerate(spans) if s is span)


def _flat(spans: Sequence[Span]) -> list[Span]:
    """Spans that do not overlap, longest first on conflicts: brackets cannot nest."""
    taken: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.start - s.end, s.start)):
        if all(span.end <= t.start or t.end <= span.start for t in taken):
            taken.append(span)
    return sorted(taken, key=lambda s: s.start)


def _named(
    plain: Unwrapped, pair: tuple[str, str], names: Sequence[str], *, repair: bool
) -> Region | str:
    """Between the markers that bear the span's name; mended where one is lost or doubled."""
    opened, closed = plain.opened.get(pair[0], []), plain.closed.get(pair[1], [])
    if len(opened) == len(closed) == 1 and opened[0] <= closed[0]:
        return Region((opened[0], closed[0]))
    mended = mend(plain, pair, names) if repair else None
    return "markers_lost" if mended is None else Region(*mended)


def _solid(text: str, region: Bounds, given: str) -> Bounds | str:
    """The region trimmed; punctuation alone is no span, unless it was one in the source."""
    found = bounds(text, *region)
    if found is None:
        return "span_empty"
    if _bare(text[found[0] : found[1]]) and not _bare(given):
        return "punctuation_only"
    return found


def _bare(text: str) -> bool:
    return is_punctuation("".join(text.split()))


def _regions(plain: Unwrapped) -> tuple[list[Bounds], bool]:
    """The bracketed regions in order, and whether every bracket has its partner."""
    opened = Counter(at for places in plain.opened.values() for at in places)
    closed = Counter(at for places in plain.closed.values() for at in places)
    regions: list[Bounds] = []
    begun: int | None = None
    whole = True
    for at in sorted({*opened, *closed}):
        # at one place an open region closes before the next opens; else "[ ]" is an empty one
        while opened[at] or closed[at]:
            if begun is not None and closed[at]:
                regions.append((begun, at))
                begun = None
                closed[at] -= 1
            elif opened[at]:
                whole = whole and begun is None
                begun = at
                opened[at] -= 1
            else:
                whole = False
                closed[at] -= 1
    return regions, whole and begun is None


def _assign(
    unit: Unit,
    numbers: Sequence[int],
    plain: Unwrapped,
    pairs: Sequence[tuple[str, str]],
    entities: Sequence[str],
    *,
    repair: bool,
) -> list[Region | str]:
    """Which region belongs to which source span: by order, or by likeness where types differ.

    The likest pair is taken first; what is left over at last goes by order if it is of one type.
    Where brackets are missing or too many, only regions that look like their span are taken.
    """
    regions, whole = _regions(plain)
    whole = whole and len(regions) == len(pairs)
    if whole and not entities:
        return [Region(bounds) for bounds in regions]
    if not whole and not repair:
        return ["markers_lost"] * len(numbers)
    spans = [unit.source.spans[k] for k in numbers]
    names = [
        [unit.source.covered(span), *entities[k : k + 1]]
        for k, span in zip(numbers, spans, strict=True)
    ]
    alike = [
        (-ratio, r, n)
        for r, (start, end) in enumerate(regions)
        for n in range(len(numbers))
        if (ratio := likeness(plain.text[start:end], names[n])) > (SIMILAR if whole else ALIKE)
    ]
    out: list[Region | str] = ["type_unknown" if whole else "markers_lost"] * len(numbers)
    regions_left, names_left = list(range(len(regions))), list(range(len(numbers)))
    for unlike, r, n in sorted(alike):
        if r in regions_left and n in names_left:
            out[n] = Region(regions[r], None if whole else -unlike)
            regions_left.remove(r)
            names_left.remove(n)
    if whole and len({spans[n].label for n in names_left}) == 1:
        for r, n in zip(regions_left, names_left, strict=True):
            out[n] = Region(regions[r])
    return out
