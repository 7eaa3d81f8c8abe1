"""String similarity of word pairs by shared character bigrams (Dice, 1945), a million at a time.

Names, numbers and cognates look alike in many pairs of languages; the measure is 0 across scripts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.trellis import Floats

BITS = 256
"""Bigrams are hashed to this many bits; words of up to 20 letters then rarely collide."""

_STEP = 1 << 20
"""Pairs compared at once: four 64-bit words each."""

_EDGES = "\x02{}\x03"


def signatures(words: Sequence[str]) -> NDArray[np.uint64]:
    """The hashed bigrams of each word, edges included, without accents: (words, BITS / 64)."""
    out = np.zeros((len(words), BITS // 64), np.uint64)
    for row, word in enumerate(words):
        framed = _EDGES.format(without_accents(word))
        bits = 0
        for place in range(len(framed) - 1):
            bits |= 1 << crc32(framed[place : place + 2].encode("utf-8", "surrogatepass")) % BITS
        for column in range(BITS // 64):
            out[row, column] = bits >> 64 * column & 0xFFFF_FFFF_FFFF_FFFF
    return out


def without_accents(word: str) -> str:
    """The word's letters without combining marks; unchanged if that leaves nothing."""
    if word.isascii():
        return word
    apart = unicodedata.normalize("NFD", word)
    return "".join(c for c in apart if not unicodedata.combining(c)) or word


def similarity(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> Floats:
    """Dice coefficient of the signatures, row by row, in 0..1 (1 for equal words)."""
    shared = np.bitwise_count(left & right).sum(axis=1, dtype=np.int32)
    sizes = np.bitwise_count(left).sum(axis=1, dtype=np.int32)
    sizes += np.bitwise_count(right).sum(axis=1, dtype=np.int32)
    dice: Floats = (2 * shared / np.maximum(sizes, 1)).astype(np.float32)
    return dice


@dataclass(frozen=True, slots=True)
class Smoothing:
    """Pseudo-counts: `constant` for every pair, `cognates` times likeness for like strings."""

    constant: float
    cognates: float
    least_likeness: float

    def of(
        self, sources: Sequence[str], targets: Sequence[str], pairs: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """The pseudo-count of each pair, coded `(id in sources) * (1 + len(targets)) + id`.

        Ids count from 1, as in a Vocabulary.
        """
        out = np.full(len(pairs), self.constant)
        if not self.cognates:
            return out
        left, right = signatures(sources), signatures(targets)
        for start in range(0, len(pairs), _STEP):
            part = slice(start, start + _STEP)
            row, column = np.divmod(pairs[part], len(targets) + 1)
            like = similarity(left[row - 1], right[column - 1])
            out[part] += self.cognates * np.where(like >= self.least_likeness, like, 0)
        return out
