"""Aligned: spans follow word alignment links into a given text (Yarowsky et al., 2001)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.projection import elp
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.pairing import Pairing
from xltpipe.projection.passages import LONG, PassageAligner
from xltpipe.projection.placing import Place, area_of, place
from xltpipe.projection.rules import ALL, CAPITAL_NOUNS, Determiners, Rule, Rules
from xltpipe.projection.tools import Projection, Tools
from xltpipe.projection.traits import Traits
from xltpipe.protocols import Aligner
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Bounds, Example, Span, Unit, Words, one_each


class Aligned(Projection):
    """Settings; the numbers count words and were chosen on training data (docs/findings.md).

    `mode` min_max takes all from the first to the last linked word; gap the longest run of linked
    words that are at most `gap` others apart; longest_run that of neighbours only; elp is the
    heuristic of a published tool, to compare with. With the rules on, min_max was best for every
    aligner measured. Source spans of `long` words, or of `clause` words between two breaks, may be
    clauses: their edges are moved up to `reach` words, to punctuation. `determiners` says where
    articles go that the target has and the source has not. Texts of more than `passage` words are
    aligned sentence by sentence. `without` switches rules off.
    """

    kind: Literal["aligned"] = "aligned"
    aligner: AlignerSpec = Auto()
    mode: Literal["min_max", "gap", "longest_run", "elp"] = "min_max"
    gap: int = Field(default=1, ge=0)
    long: int = Field(default=8, ge=1)
    clause: int = Field(default=4, ge=1)
    reach: int = Field(default=8, ge=0)
    determiners: Determiners = "as_source"
    passage: int = Field(default=LONG, ge=1)
    without: tuple[Rule, ...] = ()

    in_place: ClassVar[bool] = True
    marking: ClassVar[None] = None

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return (self.aligner,)

    def build(self, tools: Tools) -> AlignedProjector:
        placer = self.placer(tools.source, tools.target)
        return AlignedProjector(PassageAligner(tools.aligner(self.aligner), self.passage), placer)

    def placer(self, source: str, target: str) -> Placer:
        """What places spans by links, between two languages (ISO 639-3)."""
        legacy = self.mode == "elp"
        rules = Rules(
            mode="min_max" if self.mode == "elp" else self.mode,
            gap=self.gap,
            long=self.long,
            clause=self.clause,
            reach=self.reach,
            determiners=self.determiners,
            used=ALL - set(self.without),
            capital_nouns=target in CAPITAL_NOUNS,
        )
        return Placer(rules, Traits(source), Traits(target), legacy=legacy)


class Placer:
    """Places the spans of one text; whoever has links, in whatever form, ends up here."""

    def __init__(self, rules: Rules, source: Traits, target: Traits, *, legacy: bool) -> None:
        self.rules, self._traits, self.legacy = rules, (source, target), legacy

    def place(
        self,
        spans: Sequence[Bounds],
        labels: Sequence[str],
        source: Words,
        target: Words,
        links: Iterable[tuple[int, int, float]],
    ) -> list[Place | str]:
        """One place (target words) or reason per span; spans count characters of the source."""
        if self.legacy:
            return _legacy(spans, labels, source, target, list(links), self.rules.gap)
        return place(Pairing(source, target, links, self._traits), spans, self.rules)


class AlignedProjector:
    """Labels the target text through links; punctuation never decides a boundary."""

    in_place: ClassVar[bool] = True

    def __init__(self, aligner: Aligner, placer: Placer) -> None:
        self.aligner, self.placer = aligner, placer

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements; the score of a span is the mean of its links' scores.

        The method of a span that was found by equal strings, without a link, is `aligned:copied`.
        """
        wanted = [
            (i, t)
            for i, u in enumerate(units)
            for t in sorted({s.text for s in u.source.spans})
            if t < len(u.target.texts)
        ]
        pairs = [(words(units[i].source, t), words(units[i].target, t)) for i, t in wanted]
        links = self.aligner.align(pairs)
        one_each("Aligner", len(pairs), links)
        found: list[dict[int, Placed | str]] = [{} for _ in units]
        for (i, t), (source, target), alignment in zip(wanted, pairs, links, strict=True):
            found[i] |= self._text(units[i].source.spans, t, source, target, alignment)
        return [filled(u, f, "aligned") for u, f in zip(units, found, strict=True)]

    def _text(
        self, every: Sequence[Span], text: int, source: Words, target: Words, alignment: Alignment
    ) -> dict[int, Placed | str]:
        inside = [k for k, s in enumerate(every) if s.text == text]
        spans = [every[k] for k in inside]
        placed = self.placer.place(
            [(s.start, s.end) for s in spans],
            [s.label for s in spans],
            source,
            target,
            scored(alignment),
        )
        return {
            k: p if isinstance(p, str) else _placed(every[k], p, target)
            for k, p in zip(inside, placed, strict=True)
        }


def scored(alignment: Alignment) -> list[tuple[int, int, float]]:
    """The links with their scores, 1 where the aligner gives none."""
    scores = alignment.scores or (1.0,) * len(alignment.links)
    return [(i, j, score) for (i, j), score in zip(alignment.links, scores, strict=True)]


def _placed(span: Span, found: Place, target: Words) -> Placed:
    start, end, score, copied = found
    moved = replace(span, start=target.bounds[start][0], end=target.bounds[end - 1][1])
    return Placed(moved, score, "aligned:copied" if copied else None)


def _legacy(
    spans: Sequence[Bounds],
    labels: Sequence[str],
    source: Words,
    target: Words,
    links: Sequence[tuple[int, int, float]],
    gap: int,
) -> list[Place | str]:
    """ELP's outcomes; spans are given to it in source order."""
    if not len(target):
        return ["text_missing"] * len(spans)
    order = sorted(range(len(spans)), key=lambda k: spans[k])
    areas = [area_of(spans[k], source.bounds) for k in order]
    plain = [(i, j) for i, j, _ in links]
    found = elp.place([labels[k] for k in order], areas, plain, target.strings, gap)
    best: dict[int, float] = {}
    for _, j, score in links:
        best[j] = max(score, best.get(j, 0.0))
    out: list[Place | str] = [""] * len(spans)
    for k, outcome in zip(order, elp.outcomes(found, best), strict=True):
        out[k] = outcome if isinstance(outcome, str) else (*outcome, False)
    return out


def words(example: Example, text: int) -> Words:
    """The example's own words where the data gave them, else those of our tokeniser."""
    if text == 0 and example.tokens:
        return Words(example.texts[0], example.tokens)
    return tokenise(example.texts[text])


def words_of(span: Span, source: Words) -> range:
    """The words that a span touches; empty if it lies between words."""
    return range(*area_of((span.start, span.end), source.bounds))
