"""The attention aligner at work: forced decoding in CTranslate2, pieces summed up to words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xltpipe.alignment.attention_model import Model
from xltpipe.alignment.proportional import Window, whole, windows
from xltpipe.alignment.subwords import Pieces
from xltpipe.alignment.symmetrise import Symmetrisation, symmetrise
from xltpipe.alignment.trellis import Floats
from xltpipe.language_tokens import LanguageTokens
from xltpipe.protocols import Pair
from xltpipe.types import Alignment

Cut = tuple[Pieces, Pieces]


@dataclass(frozen=True, slots=True)
class _Job:
    """A window of the pair at `place`, cut into pieces that fit the model."""

    place: int
    window: Window
    cut: Cut

    @property
    def sizes(self) -> tuple[int, int]:
        return len(self.cut[1].pieces), len(self.cut[0].pieces)


class AttentionAligner:
    """Aligns by attention. A pair that does not fit the model is read in windows (`windowed`
    counts such pairs); one with a word that does not fit gets no links (counted by `skipped`).
    """

    def __init__(
        self, model: Model, *, symmetrisation: Symmetrisation, threshold: float, batch_size: int
    ) -> None:
        self.model = model
        self.symmetrisation, self.threshold = symmetrisation, threshold
        self.batch_size = batch_size
        self.skipped = 0
        self.windowed = 0

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        jobs = [job for place, pair in enumerate(pairs) for job in self._jobs(place, pair)]
        # alike lengths share a batch: the longest target decides how many steps it takes
        jobs.sort(key=lambda job: job.sizes)
        links: list[dict[tuple[int, int], float]] = [{} for _ in pairs]
        for start in range(0, len(jobs), self.batch_size):
            batch = jobs[start : start + self.batch_size]
            for job, found in zip(batch, self._links([job.cut for job in batch]), strict=True):
                links[job.place] |= job.window.kept(found)
        return [
            Alignment(tuple(sorted(found)), tuple(found[link] for link in sorted(found)))
            for found in links
        ]

    def _jobs(self, place: int, pair: Pair) -> list[_Job]:
        """What to align of a pair: all of it, or its windows."""
        if not all(map(len, pair)):
            return []
        cut = self._cut(pair)
        longest = max(len(side.pieces) for side in cut)
        if longest <= self.model.room:
            return [_Job(place, whole(pair), cut)] if self._usable(cut) else []
        # each window is twice as wide as its part of the text
        parts = -(-2 * longest // self.model.room)
        while parts <= 2 * max(map(len, pair)):
            jobs = [_Job(place, window, self._cut(window.pair)) for window in windows(pair, parts)]
            if max(max(job.sizes) for job in jobs) <= self.model.room:
                self.windowed += 1
                return [job for job in jobs if self._usable(job.cut)]
            parts += max(1, parts // 4)
        self.skipped += 1
        return []

    def _cut(self, pair: Pair) -> Cut:
        return self.model.source.cut(pair[0]), self.model.target.cut(pair[1])

    def _usable(self, cut: Cut) -> bool:
        return bool(cut[0].pieces) and bool(cut[1].pieces)

    def _links(self, cut: Sequence[Cut]) -> list[Alignment]:
        forward = self._attend(cut, self.model.into_target)
        swapped = [(target, source) for source, target in cut]
        reverse = [matrix.T for matrix in self._attend(swapped, self.model.into_source)]
        return [
            symmetrise(one, other, self.symmetrisation, self.threshold)
            for one, other in zip(forward or reverse, reverse or forward, strict=True)
        ]

    def _attend(self, cut: Sequence[Cut], tokens: LanguageTokens | None) -> list[Floats]:
        """(source words, target words) of each pair: where the words of the target looked.

        Columns sum to at most 1; the rest went to special tokens. Empty if the model does not
        have the direction.
        """
        if tokens is None:
            return []
        before, prefix = tokens
        results = self.model.engine.translate_batch(
            [[*before, *source.pieces, *self.model.end] for source, _ in cut],
            target_prefix=[[*prefix, *target.pieces] for _, target in cut],
            beam_size=1,
            max_decoding_length=len(prefix) + max(len(target.pieces) for _, target in cut),
            return_attention=True,
            max_batch_size=0,
        )
        return [
            _by_words(result.attention[0][len(prefix) :], source, target, len(before))
            for result, (source, target) in zip(results, cut, strict=True)
        ]


def _by_words(rows: list[list[float]], source: Pieces, target: Pieces, skip: int) -> Floats:
    """Attention (target pieces, `skip` + source pieces + end) summed over the pieces of words."""
    inside = slice(skip, skip + len(source.pieces))
    attention = np.array(rows[: len(target.pieces)], np.float32)[:, inside]
    weights = target.shares / np.maximum(target.shares.sum(axis=0), 1e-9)
    matrix: Floats = source.shares.T @ attention.T @ weights
    return matrix
