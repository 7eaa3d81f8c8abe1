"""Aligned: spans follow word alignment links into a given text (Yarowsky et al., 2001)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.resolve import Mode, resolve
from xltpipe.projection.tools import Tools
from xltpipe.protocols import Aligner
from xltpipe.spec import Spec
from xltpipe.text import is_punctuation, tokenise
from xltpipe.types import Alignment, Example, Span, Unit, Words, one_each


class Aligned(Spec):
    """Settings. `mode` min_max suits precise aligners, gap and longest_run noisy ones."""

    kind: Literal["aligned"] = "aligned"
    aligner: AlignerSpec = Auto()
    mode: Mode = "min_max"
    gap: int = Field(default=1, ge=0)

    in_place: ClassVar[bool] = True
    marking: ClassVar[None] = None

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return (self.aligner,)

    def build(self, tools: Tools) -> AlignedProjector:
        return AlignedProjector(tools.aligner(self.aligner), mode=self.mode, gap=self.gap)


class AlignedProjector:
    """Labels the target text through links; punctuation never decides a boundary."""

    in_place: ClassVar[bool] = True

    def __init__(self, aligner: Aligner, *, mode: Mode, gap: int) -> None:
        self.aligner, self.mode, self.gap = aligner, mode, gap

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements; the score of a span is the mean of its links' scores."""
        wanted = [
            (i, t)
            for i, u in enumerate(units)
            for t in sorted({s.text for s in u.source.spans})
            if t < len(u.target.texts)
        ]
        pairs = [(words(units[i].source, t), words(units[i].target, t)) for i, t in wanted]
        links = self.aligner.align(pairs)
        one_each("Aligner", len(pairs), links)
        by_unit: dict[int, dict[int, tuple[Words, Words, Alignment]]] = {}
        for (i, t), (source, target), alignment in zip(wanted, pairs, links, strict=True):
            by_unit.setdefault(i, {})[t] = (source, target, alignment)
        return [self._project(u, by_unit.get(i, {})) for i, u in enumerate(units)]

    def _project(self, unit: Unit, texts: dict[int, tuple[Words, Words, Alignment]]) -> Unit:
        if not unit.source.spans:
            return replace(unit, target=replace(unit.target, spans=()), placements=())
        found: dict[int, Placed | str] = {}
        for text, (source, target, alignment) in texts.items():
            inside = [k for k, s in enumerate(unit.source.spans) if s.text == text]
            spans = [unit.source.spans[k] for k in inside]
            placed = self._place(spans, source, target, alignment)
            found |= dict(zip(inside, placed, strict=True))
        return filled(unit, found, "aligned")

    def _place(
        self, spans: Sequence[Span], source: Words, target: Words, alignment: Alignment
    ) -> list[Placed | str]:
        if not target.bounds:
            return ["text_missing"] * len(spans)
        covered = [words_of(span, source) for span in spans]
        linked, reasons = _linked(covered, target, alignment)
        may_overlap = [[a.start < b.end and b.start < a.end for b in spans] for a in spans]
        chosen = resolve(linked, may_overlap, self.mode, self.gap)
        edges = [(s.start, s.end) if s else (0, 0) for s in chosen]
        out: list[Placed | str] = []
        for k, stretch in enumerate(chosen):
            if stretch is None:
                out.append(reasons[k] or "overlap")
                continue
            wider = _with_punctuation(*edges[k], covered[k], source, target)
            others = [e for m, e in enumerate(edges) if m != k and not may_overlap[k][m]]
            if all(end <= wider[0] or wider[1] <= start for start, end in others if start < end):
                edges[k] = wider
            first, last = target.bounds[edges[k][0]], target.bounds[edges[k][1] - 1]
            scores = [linked[k][w] for w in linked[k] if stretch.start <= w < stretch.end]
            span = replace(spans[k], start=first[0], end=last[1])
            out.append(Placed(span, sum(scores) / len(scores)))
        return out


def words(example: Example, text: int) -> Words:
    """The example's own words where the data gave them, else those of our tokeniser."""
    if text == 0 and example.tokens:
        return Words(example.texts[0], example.tokens)
    return tokenise(example.texts[text])


def words_of(span: Span, source: Words) -> range:
    """The words that a span touches; empty if it lies between words."""
    touched = [i for i, (a, b) in enumerate(source.bounds) if a < span.end and span.start < b]
    return range(touched[0], touched[-1] + 1) if touched else range(0)


def _linked(
    covered: Sequence[range], target: Words, alignment: Alignment
) -> tuple[list[dict[int, float]], list[str | None]]:
    """For each span the target words linked to it with their best score; punctuation left out."""
    scores = alignment.scores or (1.0,) * len(alignment.links)
    strings = target.strings
    linked: list[dict[int, float]] = []
    reasons: list[str | None] = []
    for inside in covered:
        every: dict[int, float] = {}
        for (i, j), score in zip(alignment.links, scores, strict=True):
            if i in inside:
                every[j] = max(score, every.get(j, 0.0))
        words = {j: s for j, s in every.items() if not is_punctuation(strings[j])}
        linked.append(words)
        reasons.append(None if words else "punctuation_only" if every else "no_alignment")
    return linked, reasons


def _with_punctuation(
    start: int, end: int, covered: range, source: Words, target: Words
) -> tuple[int, int]:
    """Take in the punctuation at an edge where the source span has the same there ("Yahoo!")."""
    ours, theirs = source.strings[covered.start : covered.stop], target.strings
    for mark in _marks_after(ours):
        if theirs[end : end + 1] != [mark]:
            break
        end += 1
    for mark in _marks_after(ours[::-1]):
        if start == 0 or theirs[start - 1] != mark:
            break
        start -= 1
    return start, end


def _marks_after(words: Sequence[str]) -> list[str]:
    """The punctuation with which a sequence of words ends."""
    marks: list[str] = []
    for word in reversed(words):
        if not is_punctuation(word):
            break
        marks.insert(0, word)
    return marks
