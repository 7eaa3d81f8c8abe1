"""EM for the HMM aligner: IBM Model 1, then the HMM, both directions trained by agreement.

Agreement (Liang, Taskar & Klein, 2006): the expected count of a link is the product of its
posteriors in both directions. M-steps are plain relative frequencies over pseudo-counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xltpipe.alignment.backoff import Backoff, likely
from xltpipe.alignment.bitext import PAD, Corpus, Ids
from xltpipe.alignment.hmm_parameters import HMMParameters
from xltpipe.alignment.lexicon import (
    NO_SOURCE,
    NO_TARGET,
    RESERVED,
    Cells,
    Counts,
    Doubles,
    Longs,
    Probabilities,
    of_null,
    over_padding,
    tabulate,
)
from xltpipe.alignment.similarity import Smoothing
from xltpipe.alignment.trellis import MAX_JUMP, Floats, Jumps

UNKNOWN_TOTAL = 1.0
"""Count mass of a word never seen: its pairs then weigh as much as their likeness alone."""

JUMP_FLOOR = 1e-3
"""Share of the jumps' mass spread evenly: no distance becomes impossible."""

LEAST_COUNT = 1e-4
"""Pairs expected less often than this are as good as unseen and are not stored."""


NULL_WEIGHT = 0.2
"""The empty word's weight in IBM Model 1 against one real word: AER .184 to .180 on XL-WA en-es."""

START = 0.1
"""Count of every pair before the first iteration; likeness and prior stand out against it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Iterations of each model, the probability that a word comes from the empty word, and the
    weight of counts that come from words that begin alike.
    """

    ibm1: int
    hmm: int
    null_share: float
    stems: float


@dataclass(frozen=True, slots=True)
class Prior:
    """Another model whose counts, times `weight`, enter as pseudo-counts."""

    parameters: HMMParameters
    weight: float


def train(
    corpus: Corpus, schedule: Schedule, smoothing: Smoothing, prior: Prior | None
) -> HMMParameters:
    """Learn a model. The words of `prior` are added to the vocabularies of `corpus`."""
    em = _EM(corpus, smoothing, prior, schedule.stems)
    for _ in range(schedule.ibm1):
        em.ibm1()
    for _ in range(schedule.hmm):
        em.hmm(schedule.null_share)
    return em.parameters(schedule.null_share)


class _EM:
    """The state of training: word pairs with their pseudo-counts, last counts, last jumps."""

    def __init__(
        self, corpus: Corpus, smoothing: Smoothing, prior: Prior | None, stems: float
    ) -> None:
        self._source, self._target, self._smoothing = corpus.source, corpus.target, smoothing
        known = None if prior is None else _adopt(prior, corpus)
        self._codes, self._cells = tabulate(
            corpus.pairs, corpus.target.size, None if known is None else known.codes
        )
        self._rows, self._columns = np.divmod(self._codes, corpus.target.size)
        words = corpus.source.words, corpus.target.words
        self._pseudo = smoothing.of(*words, self._codes)
        self._likely = likely(*words, self._rows, self._columns)
        self._stems = stems
        self._backoff = Backoff(*words, self._rows, self._columns) if stems else None
        self._jumps = Jumps.near() if prior is None else prior.parameters.jumps
        self._prior = Counts.of(0, len(self._codes), corpus.source.size, corpus.target.size)
        if known is not None:
            self._prior.pairs[np.searchsorted(self._codes, known.codes)] = known.counts.pairs
            self._prior.null_source[known.source] = known.counts.null_source
            self._prior.null_target[known.target] = known.counts.null_target
        self._counts = Counts.of(
            START, RESERVED + len(self._codes), corpus.source.size, corpus.target.size
        )

    def ibm1(self) -> None:
        """One iteration of IBM Model 1 (Brown et al., 1993) with agreement."""
        given, counts = self._probabilities(), self._zero()
        for cells in self._cells:
            bucket = cells.bucket
            forward = _without_padding(given.forward, cells)
            reverse = _without_padding(given.reverse, cells)
            null_target = given.null_target[bucket.target] * np.float32(NULL_WEIGHT)
            null_source = given.null_source[bucket.source] * np.float32(NULL_WEIGHT)
            forward /= (forward.sum(axis=1) + null_target)[:, None, :]
            reverse /= (reverse.sum(axis=2) + null_source)[:, :, None]
            cells.count(forward * reverse, counts)
        self._counts = counts

    def hmm(self, null_share: float) -> None:
        """One iteration of the HMM with agreement."""
        given, counts = self._probabilities(), self._zero()
        out, back = np.zeros(2 * MAX_JUMP + 1), np.zeros(2 * MAX_JUMP + 1)
        for cells in self._cells:
            found = cells.expected(given, self._jumps, null_share)
            cells.count(found.forward * found.reverse, counts)
            out += found.jumps.forward
            back += found.jumps.reverse
        self._counts, self._jumps = counts, Jumps(_smoothed(out), _smoothed(back))

    def parameters(self, null_share: float) -> HMMParameters:
        counts = self._pairs()
        kept = counts >= LEAST_COUNT
        total, (null_source, null_target) = counts + self._pseudo, self._nulls()
        return HMMParameters(
            source=self._source,
            target=self._target,
            codes=self._codes[kept],
            counts=counts[kept].astype(np.float32),
            source_totals=_for_unknown(self._by_source(total), UNKNOWN_TOTAL),
            target_totals=_for_unknown(self._by_target(total), UNKNOWN_TOTAL),
            null_source=_for_unknown(null_source, self._smoothing.constant),
            null_target=_for_unknown(null_target, self._smoothing.constant),
            jumps=self._jumps,
            smoothing=self._smoothing,
            null_share=null_share,
        )

    def _probabilities(self) -> Probabilities:
        """The M-step: relative frequencies of counts with their pseudo-counts."""
        total = self._pairs() + self._pseudo
        null_source, null_target = (null[1:] / null[1:].sum() for null in self._nulls())
        return Probabilities(
            forward=over_padding(total / self._by_source(total)[self._rows], NO_TARGET),
            reverse=over_padding(total / self._by_target(total)[self._columns], NO_SOURCE),
            null_source=of_null(null_source),
            null_target=of_null(null_target),
        )

    def _pairs(self) -> Doubles:
        """Counts of the pairs without smoothing, topped up from words that begin alike."""
        counts = self._counts.pairs[RESERVED:] + self._prior.pairs
        if self._backoff is not None:
            sums = self._by_source(counts), self._by_target(counts)
            counts += self._stems * self._backoff(counts, *sums)
        return counts * self._likely

    def _nulls(self) -> tuple[Doubles, Doubles]:
        counts, prior, constant = self._counts, self._prior, self._smoothing.constant
        return (
            counts.null_source + prior.null_source + constant,
            counts.null_target + prior.null_target + constant,
        )

    def _by_source(self, values: Doubles) -> Doubles:
        sums: Doubles = np.bincount(self._rows, values, self._source.size).astype(np.float64)
        return sums

    def _by_target(self, values: Doubles) -> Doubles:
        sums: Doubles = np.bincount(self._columns, values, self._target.size).astype(np.float64)
        return sums

    def _zero(self) -> Counts:
        return Counts.of(0, RESERVED + len(self._codes), self._source.size, self._target.size)


@dataclass(frozen=True, slots=True)
class _Known:
    """A prior in the ids of a corpus: ids and weighted counts of its words, codes of its pairs."""

    source: Ids
    target: Ids
    codes: Longs
    counts: Counts


def _adopt(prior: Prior, corpus: Corpus) -> _Known:
    """Add the prior's words to the corpus and number its pairs anew."""
    model, weight = prior.parameters, prior.weight
    source = corpus.source.add(model.source.words)
    target = corpus.target.add(model.target.words)
    row, column = np.divmod(model.codes, model.target.size)
    codes = source[row - 1].astype(np.int64) * corpus.target.size + target[column - 1]
    pairs, null_source, null_target = (
        values.astype(np.float64) * weight
        for values in (model.counts, model.null_source[1:], model.null_target[1:])
    )
    return _Known(source, target, codes, Counts(pairs, null_source, null_target))


def _without_padding(values: Floats, cells: Cells) -> Floats:
    """Values of all cells of a bucket, 0 in the padding."""
    unique = np.where(cells.unique < RESERVED, np.float32(0), values[cells.unique])
    return np.take(unique, cells.local)


def _smoothed(jumps: Doubles) -> Floats:
    share = jumps / max(jumps.sum(), 1.0)
    smoothed: Floats = (share + JUMP_FLOOR / len(jumps)).astype(np.float32)
    return smoothed


def _for_unknown(values: Doubles, unknown: float) -> Floats:
    out = values.astype(np.float32)
    out[PAD] = unknown
    return out
