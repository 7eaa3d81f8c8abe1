"""What fast_align learnt, read from the files of systran-align, and the posteriors it implies.

The package itself gives only links of both directions combined by grow-diag-final-and, the worst
choice for projection. Its files hold the word probabilities, so the choice can be ours: with the
same probabilities, the same links come out where the same way to combine them is chosen.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.trellis import Floats
from xltpipe.errors import DataError

VERSION = 2
"""The layout of systran-align 3.5, little-endian: version, number of words, the words ended by
zeros, one more than that number; then for each source word its id (from 1), the number of its
targets, and as many target ids with their probabilities."""

TENSION = 4.0
"""Pull to the diagonal when aligning: the package's constant, whatever training has found."""

UNSEEN = 1e-9
"""Probability of two words that never met."""

EMPTY = "<eps>"

_ENTRY = np.dtype([("target", "<u4"), ("probability", "<f4")])


@dataclass(frozen=True, slots=True)
class Table:
    """Probabilities of target words given source words, by ascending `source id << 32 | target id`.

    Ids count from 1; 0 stands for words not seen in training.
    """

    ids: dict[str, int]
    codes: NDArray[np.int64]
    values: Floats

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read one direction.

        Raises:
            DataError: the file is missing or not of the expected layout.
        """
        try:
            return cls._parse(path.read_bytes())
        except (OSError, ValueError, struct.error) as error:
            raise DataError(
                f"fast_align model must be a file of systran-align 3.5, was: {error} ({path})"
            ) from error

    @classmethod
    def _parse(cls, data: bytes) -> Table:
        version, size = struct.unpack_from("<II", data)
        if version != VERSION:
            raise ValueError(f"version {version}")
        place = 8
        ids: dict[str, int] = {}
        for number in range(1, size + 1):
            end = data.index(b"\0", place)
            ids[data[place:end].decode()] = number
            place = end + 1
        place += 4
        codes = [np.zeros(0, np.int64)]
        values = [np.zeros(0, np.float32)]
        while place < len(data):
            source, count = struct.unpack_from("<II", data, place)
            entries = np.frombuffer(data, _ENTRY, count, place + 8)
            codes.append(source << 32 | entries["target"].astype(np.int64))
            values.append(entries["probability"])
            place += 8 + _ENTRY.itemsize * count
        code = np.concatenate(codes)
        order = np.argsort(code)
        return cls(ids, code[order], np.concatenate(values)[order])

    def probabilities(self, sources: Sequence[str], targets: Sequence[str]) -> Floats:
        """(source words, target words)."""
        rows, columns = (
            np.array([self.ids.get(word, 0) for word in words], np.int64)
            for words in (sources, targets)
        )
        wanted = rows[:, None] << 32 | columns
        found = np.searchsorted(self.codes, wanted)
        found[found == len(self.codes)] = 0
        out: Floats = np.full(wanted.shape, UNSEEN, np.float32)
        if len(self.codes):
            np.copyto(out, self.values[found], where=self.codes[found] == wanted)
        return np.maximum(out, np.float32(UNSEEN))


def joint(
    table: Table, sources: Sequence[str], targets: Sequence[str], null_share: float
) -> Floats:
    """(1 + source words, target words), p(source word, target word); first the empty word."""
    out = table.probabilities([EMPTY, *sources], targets)
    rows = np.arange(1, len(sources) + 1)[:, None] / len(sources)
    columns = np.arange(1, len(targets) + 1)[None, :] / len(targets)
    pull = np.exp(-TENSION * np.abs(rows - columns))
    out[0] *= np.float32(null_share)
    out[1:] *= ((1 - null_share) * pull / pull.sum(axis=0)).astype(np.float32)
    return out


def posteriors(
    table: Table, sources: Sequence[str], targets: Sequence[str], null_share: float
) -> Floats:
    """(source words, target words), p(source word | target word); the rest is the empty word's."""
    both = joint(table, sources, targets, null_share)
    given: Floats = both[1:] / both.sum(axis=0)
    return given
