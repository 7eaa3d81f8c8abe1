"""The joint table of word pairs: expected counts from which both directions' probabilities follow.

Training by agreement (Liang, Taskar & Klein, 2006) gives both directions the same expected count
for a (source, target) pair, so one number per distinct pair is all there is to keep.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.bitext import PAD, Bucket, IdPair, buckets
from xltpipe.alignment.trellis import Floats, Jumps, Trellis, forward_backward

Doubles = NDArray[np.float64]
Longs = NDArray[np.int64]

# The first entries of every array over word pairs stand for the cells of the padding.
NO_SOURCE, NO_TARGET, NEITHER = 0, 1, 2
RESERVED = 3


@dataclass(frozen=True, slots=True)
class Probabilities:
    """What the E-step reads: `forward` is p(target | source), `reverse` p(source | target).

    Both have RESERVED entries in front, then one per distinct pair. `null_target` is
    p(target | empty word) by target id, `null_source` p(source | empty word) by source id.
    """

    forward: Floats
    reverse: Floats
    null_source: Floats
    null_target: Floats


@dataclass(frozen=True, slots=True)
class Expected:
    """Posteriors of a bucket and the jumps they imply.

    `forward` is p(source word | target word) and `reverse` p(target word | source word), both
    (pairs, source words, target words) and 0 in the padding.
    """

    forward: Floats
    reverse: Floats
    jumps: Jumps


@dataclass(slots=True)
class Counts:
    """Expected counts: `pairs` by place in the pair table, the empty word's by word id."""

    pairs: Doubles
    null_source: Doubles
    null_target: Doubles

    @classmethod
    def of(cls, value: float, pairs: int, sources: int, targets: int) -> Counts:
        """The same count for all."""
        return cls(*(np.full(size, value, np.float64) for size in (pairs, sources, targets)))


@dataclass(frozen=True, slots=True)
class Cells:
    """A bucket and where its cells lie: `unique[local]` is RESERVED + place in the pair table.

    `local` is (pairs, source words, target words).
    """

    bucket: Bucket
    unique: Longs
    local: NDArray[np.int32]

    def expected(self, given: Probabilities, jumps: Jumps, null_share: float) -> Expected:
        """Run forward-backward in both directions."""
        forward, out = forward_backward(self._forward(given), jumps.forward, null_share)
        reverse, back = forward_backward(self._reverse(given), jumps.reverse, null_share)
        return Expected(forward.transpose(1, 2, 0), reverse.transpose(1, 0, 2), Jumps(out, back))

    def _forward(self, given: Probabilities) -> Trellis:
        """States are source words, observations target words."""
        ids = self.bucket.target.T
        emission = np.take(given.forward[self.unique], self.local.transpose(2, 0, 1))
        sizes = self.bucket.source_sizes
        return Trellis(emission, given.null_target[ids], ids != PAD, sizes)

    def _reverse(self, given: Probabilities) -> Trellis:
        """States are target words, observations source words."""
        ids = self.bucket.source.T
        emission = np.take(given.reverse[self.unique], self.local.transpose(1, 0, 2))
        sizes = self.bucket.target_sizes
        return Trellis(emission, given.null_source[ids], ids != PAD, sizes)

    def count(self, links: Floats, counts: Counts) -> None:
        """Add expected links (pairs, source words, target words; 0 in the padding) to the counts.

        What a word lacks to 1 goes to the empty word.
        """
        counts.pairs[self.unique] += np.bincount(
            self.local.ravel(), links.ravel(), len(self.unique)
        )
        for ids, linked, null in (
            (self.bucket.source, links.sum(axis=2), counts.null_source),
            (self.bucket.target, links.sum(axis=1), counts.null_target),
        ):
            missing = np.maximum(0, 1 - linked) * (ids != PAD)
            null[:] += np.bincount(ids.ravel(), missing.ravel(), len(null))


def tabulate(
    pairs: Sequence[IdPair], width: int, more: Longs | None = None
) -> tuple[Longs, list[Cells]]:
    """The distinct (source, target) codes of all sentence pairs, ascending, and their cells.

    A code is `source * width + target`; `more` are codes to have in the table besides. Sorting
    goes bucket by bucket, so that no array is as long as all cells together.
    """
    coded = [(bucket, *_codes(bucket, width)) for bucket in buckets(pairs)]
    parts = [unique[unique >= 0] for _, unique, _ in coded]
    parts.append(np.zeros(0, np.int64) if more is None else more)
    codes = np.unique(np.concatenate(parts))
    return codes, [Cells(bucket, _places(unique, codes), local) for bucket, unique, local in coded]


def _codes(bucket: Bucket, width: int) -> tuple[Longs, NDArray[np.int32]]:
    codes = bucket.source[:, :, None].astype(np.int64) * width + bucket.target[:, None, :]
    no_source = np.broadcast_to((bucket.source == PAD)[:, :, None], codes.shape)
    no_target = np.broadcast_to((bucket.target == PAD)[:, None, :], codes.shape)
    codes[no_source] = NO_SOURCE - RESERVED
    codes[no_target] = NO_TARGET - RESERVED
    codes[no_source & no_target] = NEITHER - RESERVED
    unique, local = np.unique(codes, return_inverse=True)
    return unique, local.reshape(codes.shape).astype(np.int32)


def _places(unique: Longs, codes: Longs) -> Longs:
    return np.where(unique < 0, unique, np.searchsorted(codes, unique)) + RESERVED


def over_padding(values: Doubles, neutral: int) -> Floats:
    """Probabilities of pairs with the RESERVED entries in front: 1 at `neutral`, else 0."""
    head = np.zeros(RESERVED)
    head[neutral] = 1
    return np.concatenate([head, values]).astype(np.float32)


def of_null(values: Doubles) -> Floats:
    """Probabilities under the empty word with 1 in front, for PAD."""
    return np.concatenate([[1.0], values]).astype(np.float32)
