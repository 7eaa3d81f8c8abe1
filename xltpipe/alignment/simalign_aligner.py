"""SimAlign at work: similarities of pieces, matched by the package, as links of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.simalign import Matching
from xltpipe.alignment.simalign_encoder import Embedded, Encoder
from xltpipe.alignment.trellis import Floats
from xltpipe.errors import require
from xltpipe.protocols import Pair
from xltpipe.types import Alignment

AT_ONCE = 256
"""Pairs embedded before any is matched: bounds memory, does not change the result."""

MAX_CELLS = 4_000_000
"""Pieces of the source x pieces of the target that are still matched (2,000 by 2,000)."""


class SimAligner:
    """Aligns by similarity; `windowed` counts pairs read in several windows, `skipped` those too
    long even so (they get no links).
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        matching: Matching,
        by_word: bool,
        iterations: int,
        distortion: float,
    ) -> None:
        self.encoder = encoder
        self.matching, self.by_word = matching, by_word
        self.iterations, self.distortion = iterations, distortion
        self.skipped = 0
        self.windowed = 0
        self._package = require("simalign", "simalign").SentenceAligner

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        out = [Alignment(())] * len(pairs)
        whole = [place for place, pair in enumerate(pairs) if all(map(len, pair))]
        for start in range(0, len(whole), AT_ONCE):
            part = whole[start : start + AT_ONCE]
            texts = [side for place in part for side in pairs[place]]
            found = self.encoder.embed(texts)
            for place, one, other in zip(part, found[::2], found[1::2], strict=True):
                out[place] = self._links(one, other)
        return out

    def _links(self, source: Embedded, target: Embedded) -> Alignment:
        if not source.owners or not target.owners:  # the tokenizer knows none of the characters
            return Alignment(())
        if len(source.owners) * len(target.owners) > MAX_CELLS:
            self.skipped += 1
            return Alignment(())
        self.windowed += max(source.windows, target.windows) > 1
        if self.by_word:
            source, target = _mean(source), _mean(target)
        alike = self._package.get_similarity(source.vectors, target.vectors)
        alike = self._package.apply_distortion(alike, self.distortion)
        links: dict[tuple[int, int], float] = {}
        for row, column in np.argwhere(self._match(alike) > 0).tolist():
            score = min(1.0, max(0.0, float(alike[row, column])))
            for i in source.owners[row]:
                for j in target.owners[column]:
                    links[i, j] = max(score, links.get((i, j), 0.0))
        return Alignment(tuple(sorted(links)), tuple(links[link] for link in sorted(links)))

    def _match(self, alike: Floats) -> NDArray[np.float64]:
        """(source pieces, target pieces), positive where linked.

        What the package calls forward is our reverse: it lets each source piece choose.
        """
        if self.matching == "match":
            return best_match(alike)
        if self.matching == "itermax":
            found: NDArray[np.float64] = self._package.iter_max(alike, max_count=self.iterations)
            return found
        by_source, by_target = self._package.get_alignment_matrix(alike)
        chosen = {"forward": by_target, "reverse": by_source, "inter": by_source * by_target}
        return np.asarray(chosen[self.matching])


def best_match(alike: Floats) -> NDArray[np.float64]:
    """As many links as the shorter side has pieces, one to one, with the greatest sum.

    The same optimum as the package's get_max_weight_match, which takes 3.6 s for 80 pieces in
    networkx where SciPy (which the package brings along) takes 0.2 ms.
    """
    optimise = require("scipy.optimize", "simalign").linear_sum_assignment
    out = np.zeros(alike.shape)
    out[optimise(alike, maximize=True)] = 1
    return out


def _mean(side: Embedded) -> Embedded:
    """Words in place of pieces: each word the mean of the pieces that lie in it."""
    words = sorted({word for own in side.owners for word in own})
    rows: dict[int, list[int]] = {word: [] for word in words}
    for row, own in enumerate(side.owners):
        for word in own:
            rows[word].append(row)
    vectors: Floats = np.stack([side.vectors[rows[word]].mean(axis=0) for word in words])
    return Embedded(vectors, [(word,) for word in words], side.windows)
