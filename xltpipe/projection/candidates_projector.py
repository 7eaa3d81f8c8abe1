"""The candidates projector at work: pools of candidates, their scores, one choice per text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from xltpipe.projection.aligned import Placer, scored, words, words_of
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.candidates_generator import Filled, Generator, occurrences
from xltpipe.projection.candidates_ngrams import UNLINKED, Limits, Links, links_of, ngrams
from xltpipe.projection.candidates_selection import Option, contested, lead, rank_of, select
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.placing import Place
from xltpipe.protocols import Aligner
from xltpipe.text import is_punctuation
from xltpipe.translation.likelihood import Likelihood
from xltpipe.types import Alignment, Bounds, Example, Span, Unit, Words, one_each


@dataclass(frozen=True, slots=True)
class _Text:
    """One text of one unit: its spans and their places in the source, both sides, their links."""

    unit: int
    places: list[int]
    spans: list[Span]
    source: Words
    target: Words
    alignment: Alignment

    @property
    def labels(self) -> list[str]:
        """Of the spans in text order."""
        return [span.label for span in sorted(self.spans, key=lambda s: (s.start, -s.end))]

    @property
    def may_overlap(self) -> list[list[bool]]:
        return [[a.start < b.end and b.start < a.end for b in self.spans] for a in self.spans]

    def under(self, stretch: Bounds) -> str:
        """The target's text from the first to the last word of a stretch."""
        bounds = self.target.bounds
        return self.target.text[bounds[stretch[0]][0] : bounds[stretch[1] - 1][1]]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """Target words for a span, what is compared, what the links say, and how near it is."""

    stretch: Bounds
    texts: tuple[str, str]
    evidence: float
    closeness: float


@dataclass(frozen=True, slots=True)
class _Pool:
    """A span's candidates, the weight of the evidence against NMTScore, and its trust."""

    candidates: list[_Candidate]
    weight: float
    trust: float

    def likely(self) -> list[_Candidate]:
        """What is scored at first."""
        return self.rivals()

    def rivals(self) -> list[_Candidate]:
        """Those that no translation probability can rule out: NMTScore counts 0 to 1 at most."""
        if not self.candidates:
            return []
        best = max(one.evidence for one in self.candidates)
        least = self.weight * best - (1.0 - self.weight) - 1e-5  # ranks are rounded
        return [one for one in self.candidates if self.weight * one.evidence >= least]

    def margin(self, chosen: Option, options: Sequence[Option]) -> float:
        """The lead over the rivals: the others are out of reach, scored or not."""
        rivals = {one.stretch for one in self.rivals()}
        return lead(chosen, [o for o in options if (o.start, o.end) in rivals])

    def option(self, one: _Candidate, measured: float) -> Option:
        """Sureness of the links is part of the score, but between candidates it decides nothing."""
        probable, borne = (1.0 - self.weight) * min(1.0, measured), self.weight * one.evidence
        order = (probable + borne, measured, one.closeness)
        return Option(*one.stretch, probable + self.trust * borne, rank_of(order))


class CandidatesProjector:
    """Labels the given target text with the candidates that translate the spans best.

    `notes` counts n-grams left out for being over `most` and searches that were cut;
    `likelihood.notes`, `generator.too_long` and `generator.cut` count theirs.
    """

    in_place: ClassVar[bool] = True

    def __init__(
        self,
        spec: Candidates,
        aligner: Aligner,
        placer: Placer,
        likelihood: Likelihood,
        generator: Generator | None,
    ) -> None:
        self.likelihood, self.generator = likelihood, generator
        self.notes: Counter[str] = Counter(over_most=0, searches_cut=0)
        self.method = f"candidates:{likelihood.name}"
        self._spec, self._aligner, self._placer = spec, aligner, placer
        self._limits = Limits(spec.window, spec.max_ratio, spec.most)

    @property
    def counts(self) -> dict[str, int]:
        """All that was left out, cut, scored or reused so far."""
        scores = {f"scores_{name}": number for name, number in self.likelihood.notes.items()}
        made = self.generator
        cut = {"prompts_too_long": made.too_long, "beams_cut": made.cut} if made else {}
        return {**self.notes, **scores, **cut}

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements; a span's score is that of its candidate.

        Reasons: text_missing, no_candidate, too_long (to score), below_floor, overlap.
        """
        texts = self._texts(units)
        pools = self._pools(texts)
        # What cannot win is not scored, but where spans compete for words even it may be needed.
        options = self._options([[pool.likely() for pool in text] for text in pools], pools)
        doubtful = [
            n
            for n, text in enumerate(texts)
            if None in options[n] or contested(self._allowed(options[n]), text.may_overlap)
        ]
        whole = [[pool.candidates for pool in pools[n]] for n in doubtful]
        rest = self._options(whole, [pools[n] for n in doubtful])
        for n, all_options in zip(doubtful, rest, strict=True):
            options[n] = all_options
        found: list[dict[int, Placed | str]] = [{} for _ in units]
        for text, its_pools, its_options in zip(texts, pools, options, strict=True):
            placed = self._placed(text, its_pools, its_options)
            found[text.unit] |= dict(zip(text.places, placed, strict=True))
        return [filled(unit, one, self.method) for unit, one in zip(units, found, strict=True)]

    def _texts(self, units: Sequence[Unit]) -> list[_Text]:
        """The texts that have spans, and words on the target side, aligned."""
        wanted = [
            (i, t, words(u.source, t), words(u.target, t))
            for i, u in enumerate(units)
            for t in sorted({span.text for span in u.source.spans})
            if t < len(u.target.texts)
        ]
        wanted = [one for one in wanted if one[3].bounds]
        links = self._aligner.align([(source, target) for _, _, source, target in wanted])
        one_each("Aligner", len(wanted), links)
        out: list[_Text] = []
        for (i, t, source, target), alignment in zip(wanted, links, strict=True):
            places = [k for k, span in enumerate(units[i].source.spans) if span.text == t]
            spans = [units[i].source.spans[k] for k in places]
            out.append(_Text(i, places, spans, source, target, alignment))
        return out

    def _pools(self, texts: Sequence[_Text]) -> list[list[_Pool]]:
        """The candidates of each span of each text."""
        asked = [(text.target.text, text.labels) for text in texts]
        written = self.generator.generate(asked) if self.generator else [None] * len(texts)
        return [
            [
                self._pool(text, span, place, (slots or []) if self.generator else None)
                for span, place in zip(text.spans, self._by_links(text), strict=True)
            ]
            for text, slots in zip(texts, written, strict=True)
        ]

    def _by_links(self, text: _Text) -> list[Place | str]:
        """Where alignment alone puts the spans."""
        return self._placer.place(
            [(span.start, span.end) for span in text.spans],
            [span.label for span in text.spans],
            text.source,
            text.target,
            scored(text.alignment),
        )

    def _pool(
        self, text: _Text, span: Span, place: Place | str, slots: Sequence[Filled] | None
    ) -> _Pool:
        covered, strings = words_of(span, text.source), text.target.strings
        links = links_of(covered, text.alignment, place)
        if slots is None:
            found, left_out = ngrams(covered, links, text.source, text.target, self._limits)
            self.notes["over_most"] += left_out
        else:
            found = self._occurring(text, span, covered, slots)
        name = text.source.text[span.start : span.end]
        candidates = []
        for stretch in found:
            evidence = links.evidence(stretch)
            apart = abs(covered.start / max(1, len(text.source)) - stretch[0] / len(strings))
            near = 0.9 * evidence + 0.1 * (1.0 - apart)
            candidates.append(_Candidate(stretch, (name, text.under(stretch)), evidence, near))
        return _Pool(candidates, self._weight(links), links.trust)

    def _weight(self, links: Links) -> float:
        weight = self._spec.alignment_weight
        return weight if links.place else min(weight, UNLINKED)

    def _occurring(
        self, text: _Text, span: Span, covered: range, slots: Sequence[Filled]
    ) -> list[Bounds]:
        """Where the texts written for a span's label stand, whichever slot they were in."""
        ours = text.source.strings[covered.start : covered.stop]
        found = [
            _trimmed(stretch, ours, text.target.strings)
            for label, written in slots
            if label == span.label
            for stretch in occurrences(written, text.target, agglutinative=self._spec.agglutinative)
        ]
        return list(dict.fromkeys(stretch for stretch in found if stretch[0] < stretch[1]))

    def _options(
        self, asked: Sequence[Sequence[Sequence[_Candidate]]], pools: Sequence[Sequence[_Pool]]
    ) -> list[list[list[Option] | None]]:
        """For each text and span the candidates with scores; None if one could not be scored.

        Those of a pool asked for as a whole are given all the same.
        """
        flat = [one.texts for text in asked for span in text for one in span]
        scores = iter(self.likelihood.score(flat))
        out: list[list[list[Option] | None]] = []
        for text, its_pools in zip(asked, pools, strict=True):
            row: list[list[Option] | None] = []
            for span, pool in zip(text, its_pools, strict=True):
                measured = [(one, next(scores)) for one in span]
                known = [pool.option(one, m) for one, m in measured if m is not None]
                whole = len(span) == len(pool.candidates)
                row.append(known if whole or len(known) == len(span) else None)
            out.append(row)
        return out

    def _allowed(self, options: Sequence[list[Option] | None]) -> list[list[Option]]:
        return [[o for o in one or [] if o.score >= self._spec.floor] for one in options]

    def _placed(
        self, text: _Text, pools: Sequence[_Pool], options: Sequence[list[Option] | None]
    ) -> list[Placed | str]:
        allowed = self._allowed(options)
        chosen, cut = select(allowed, text.may_overlap)
        self.notes["searches_cut"] += cut
        out: list[Placed | str] = []
        for k, option in enumerate(chosen):
            if option is not None:
                start = text.target.bounds[option.start][0]
                end = text.target.bounds[option.end - 1][1]
                span = replace(text.spans[k], start=start, end=end)
                out.append(Placed(span, option.score, margin=pools[k].margin(option, allowed[k])))
            elif allowed[k]:
                out.append("overlap")
            elif options[k]:
                out.append("below_floor")
            else:
                out.append("too_long" if pools[k].candidates else "no_candidate")
        return out


def _trimmed(stretch: Bounds, ours: Sequence[str], theirs: Sequence[str]) -> Bounds:
    """Without punctuation at edges where the source span has none."""
    start, end = stretch
    opens, closes = (bool(ours) and is_punctuation(ours[at]) for at in (0, -1))
    while start < end and is_punctuation(theirs[end - 1]) and not closes:
        end -= 1
    while start < end and is_punctuation(theirs[start]) and not opens:
        start += 1
    return start, end
