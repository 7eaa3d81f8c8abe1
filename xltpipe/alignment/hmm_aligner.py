"""The HMM aligner at work: posteriors of a trained model, symmetrised into links."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xltpipe.alignment.bitext import Vocabulary, keys
from xltpipe.alignment.hmm_parameters import HMMParameters
from xltpipe.alignment.lexicon import (
    NO_SOURCE,
    NO_TARGET,
    Doubles,
    Longs,
    Probabilities,
    of_null,
    over_padding,
    tabulate,
)
from xltpipe.alignment.symmetrise import Symmetrisation, symmetrise
from xltpipe.alignment.trellis import Floats
from xltpipe.protocols import Pair
from xltpipe.types import Alignment

BATCH = 1000
"""Sentence pairs aligned at once: bounds memory, does not change the result."""

MAX_CELLS = 4_000_000
"""Source words x target words of a pair that is still aligned (2,000 by 2,000)."""


class HMMAligner:
    """Aligns with a trained model; `skipped` counts pairs too long to align (they get no links)."""

    def __init__(
        self, parameters: HMMParameters, *, symmetrisation: Symmetrisation, threshold: float
    ) -> None:
        self.parameters = parameters
        self.symmetrisation, self.threshold = symmetrisation, threshold
        self.skipped = 0
        self._null_source = _shares(parameters.null_source, parameters.smoothing.constant)
        self._null_target = _shares(parameters.null_target, parameters.smoothing.constant)

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        out: list[Alignment] = []
        for start in range(0, len(pairs), BATCH):
            out += self._align(pairs[start : start + BATCH])
        return out

    def _align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        source, target = Vocabulary(), Vocabulary()
        ids = [(source.add(keys(one)), target.add(keys(other))) for one, other in pairs]
        for row, (one, other) in enumerate(ids):
            if len(one) * len(other) > MAX_CELLS:
                self.skipped += 1
                ids[row] = (one[:0], other[:0])
        codes, cells = tabulate(ids, target.size)
        given = self._probabilities(source.words, target.words, codes)
        out = [Alignment(())] * len(pairs)
        for part in cells:
            bucket = part.bucket
            found = part.expected(given, self.parameters.jumps, self.parameters.null_share)
            for row, place in enumerate(bucket.rows.tolist()):
                inside = (row, slice(bucket.source_sizes[row]), slice(bucket.target_sizes[row]))
                out[place] = symmetrise(
                    found.forward[inside],
                    found.reverse[inside],
                    self.symmetrisation,
                    self.threshold,
                )
        return out

    def _probabilities(
        self, sources: Sequence[str], targets: Sequence[str], codes: Longs
    ) -> Probabilities:
        """The model's probabilities for the words at hand; likeness stands in for the unknown.

        A pair's probability never depends on what else is in the batch.
        """
        model = self.parameters
        known_source, known_target = model.source.find(sources), model.target.find(targets)
        row, column = np.divmod(codes, len(targets) + 1)
        one, other = known_source[row - 1], known_target[column - 1]
        counts = model.find(one, other) + model.smoothing.of(sources, targets, codes)
        return Probabilities(
            forward=over_padding(counts / model.source_totals[one], NO_TARGET),
            reverse=over_padding(counts / model.target_totals[other], NO_SOURCE),
            null_source=of_null(self._null_source[known_source]),
            null_target=of_null(self._null_target[known_target]),
        )


def _shares(counts: Floats, least: float) -> Doubles:
    """Counts over their sum without PAD's; its entry is the share of a word never seen."""
    shares: Doubles = counts.astype(np.float64)
    return shares / max(float(shares[1:].sum()), least)
