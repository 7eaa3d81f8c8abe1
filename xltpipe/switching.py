"""Code-switching: source examples some of whose words stand in the target language.

Qin et al. (2020) take the other words from bilingual dictionaries. Here they come from the
example's own translation, by the run's word alignments, so that they fit where they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from xltpipe.projection.aligned import words
from xltpipe.protocols import Aligner
from xltpipe.types import Alignment, Bounds, Example, Span, Unit, Words

Piece = tuple[Bounds, Bounds]
"""Where a piece stands in the source's text, and where in the target's, in code points."""


@dataclass(frozen=True, slots=True)
class Switched:
    """A switched example, and how many of its words were switched, of how many."""

    example: Example
    words: int
    of: int


def switch(units: Sequence[Unit], aligner: Aligner, share: float, seed: int) -> list[Switched]:
    """The units' source examples with each piece that can be switched, switched by this chance.

    A piece is a labelled span that was placed, as a whole; or a word outside spans whose links
    lead to neighbouring words that no other word leads to. Spans that overlap one another stay as
    they are. Draws depend on the seed and the example's id alone.
    """
    sides = [
        (words(unit.source, text), words(unit.target, text))
        for unit in units
        for text in range(len(unit.source.texts))
    ]
    found = iter(zip(sides, aligner.align(sides), strict=True))
    return [
        _switched(unit, [next(found) for _ in unit.source.texts], share, seed) for unit in units
    ]


def _switched(
    unit: Unit, texts: Sequence[tuple[tuple[Words, Words], Alignment]], share: float, seed: int
) -> Switched:
    draw = Random(f"{seed}:{unit.source.id}")  # noqa: S311 - nothing secret
    made: list[str] = []
    spans: list[tuple[int, Span]] = []
    tokens: tuple[Bounds, ...] = ()
    switched = total = 0
    for text, ((source, target), alignment) in enumerate(texts):
        pieces = sorted([*_spans(unit, text), *_words(unit, text, source, target, alignment)])
        taken = [piece for piece in pieces if draw.random() < share]
        line = _Line(source, target, taken)
        made.append(line.text)
        spans += [(n, line.moved(s)) for n, s in enumerate(unit.source.spans) if s.text == text]
        tokens = tokens if text else line.tokens
        switched += line.switched
        total += len(source)
    ordered = tuple(span for _, span in sorted(spans, key=lambda one: one[0]))
    example = replace(unit.source, texts=tuple(made), spans=ordered, tokens=tokens)
    return Switched(example, switched, total)


def _spans(unit: Unit, text: int) -> Iterator[Piece]:
    """The spans of a text that were placed and overlap no other."""
    own = [s for s in unit.source.spans if s.text == text]
    for placement in unit.placements:
        span = unit.source.spans[placement.source]
        if placement.target is None or span.text != text:
            continue
        if sum(span.start < s.end and s.start < span.end for s in own) == 1:
            there = unit.target.spans[placement.target]
            yield (span.start, span.end), (there.start, there.end)


def _words(
    unit: Unit, text: int, source: Words, target: Words, alignment: Alignment
) -> Iterator[Piece]:
    """The words outside spans that are linked to neighbours no other word is linked to."""
    there: dict[int, list[int]] = {}
    back: dict[int, set[int]] = {}
    for a, b in alignment.links:
        there.setdefault(a, []).append(b)
        back.setdefault(b, set()).add(a)
    busy = [s for s in unit.source.spans if s.text == text]
    for a, linked in there.items():
        start, end = source.bounds[a]
        first, last = min(linked), max(linked)
        alone = all(back[b] == {a} for b in linked) and last - first + 1 == len(linked)
        if alone and not any(s.start < end and start < s.end for s in busy):
            yield (start, end), (target.bounds[first][0], target.bounds[last][1])


class _Line:
    """A text with some pieces switched: the new text, its words, and where old places went."""

    def __init__(self, source: Words, target: Words, taken: Sequence[Piece]) -> None:
        self._shifts: list[tuple[Bounds, Bounds]] = []
        parts, at, tokens = list[str](), 0, list[Bounds]()
        self.switched = 0
        self._source, size = source, 0
        for (start, end), (first, last) in taken:
            parts += [source.text[at:start], target.text[first:last]]
            size += start - at
            self._shifts.append(((start, end), (size, size + last - first)))
            size += last - first
            at = end
            self.switched += sum(start <= a and b <= end for a, b in source.bounds)
        parts.append(source.text[at:])
        self.text = "".join(parts)
        for (start, end), (new, _) in self._shifts:
            first, last = next(p[1] for p in taken if p[0] == (start, end))
            inner = [b for b in target.bounds if first <= b[0] and b[1] <= last]
            tokens += [(a - first + new, b - first + new) for a, b in inner]
        for a, b in source.bounds:
            if not any(start < b and a < end for (start, end), _ in self._shifts):
                tokens.append((self._at(a), self._at(a) + b - a))
        self.tokens = tuple(sorted(tokens))

    def _at(self, place: int) -> int:
        """Where a place outside the switched pieces went."""
        moved = place
        for (_, end), (_, new_end) in self._shifts:
            if end <= place:
                moved = new_end + place - end
        return moved

    def moved(self, span: Span) -> Span:
        """The span in the new text: as a whole where it was switched, else shifted."""
        for old, (start, end) in self._shifts:
            if old == (span.start, span.end):
                return replace(span, start=start, end=end)
        start = self._at(span.start)
        return replace(span, start=start, end=start + span.end - span.start)
