"""Bitext as numbers: words become keys, keys become ids, pairs of like size share a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import DataError
from xltpipe.protocols import Pair
from xltpipe.text import key, tokenise
from xltpipe.types import Words
from xltpipe.unpacking import lines

Ids = NDArray[np.int32]
IdPair = tuple[Ids, Ids]

Item = TypeVar("Item")

PAD = 0
"""Id of "no word" in both vocabularies; real words count from 1."""

MAX_CELLS = 60_000_000
"""Cells (source words x target words, summed over pairs) of a training text: 4 bytes each."""

BUCKET_CELLS = 1 << 17
"""Cells (pairs x source words x target words) of one bucket: its float32 arrays stay in cache."""


def keys(words: Words) -> list[str]:
    """The normalised form of each word, one per word."""
    return [key(word) for word in words.strings]


def read_bitext(path: Path) -> Iterator[Pair]:
    """The sentence pairs of a file of `source TAB target` lines (plain or .gz), cut into words.

    Raises:
        DataError: a line has no TAB, is not UTF-8 or does not end, or the archive is damaged or
            a bomb.
    """
    number = 0
    try:
        for number, line in enumerate(lines(path), 1):
            yield _pair(line.decode(), path, number)
    except UnicodeDecodeError as error:
        raise DataError(
            f"Bitext must be UTF-8 text, plain or gzip, was: {error} "
            f"({path}, near line {number + 1})"
        ) from error


def _pair(line: str, path: Path, number: int) -> Pair:
    fields = line.rstrip("\r\n").split("\t")
    if len(fields) < 2:
        raise DataError(
            f"Bitext line must be source TAB target, was: {line[:60]!r} ({path}, line {number})"
        )
    return tokenise(fields[0]), tokenise(fields[1])


def thin(items: Iterable[Item], limit: int) -> list[Item]:
    """At most `limit` items spread evenly over the stream, always the same ones.

    Holds fewer than `2 * limit` items at any time, however long the stream.
    """
    if limit <= 0:
        for _ in items:  # whoever counts along the stream sees it whole
            pass
        return []
    kept: list[Item] = []
    stride = 1
    for number, item in enumerate(items):
        if number % stride == 0:
            kept.append(item)
            if len(kept) >= 2 * limit:
                kept = kept[::2]
                stride *= 2
    if len(kept) <= limit:
        return kept
    return [kept[place * len(kept) // limit] for place in range(limit)]


@dataclass(slots=True)
class Vocabulary:
    """Keys of one language, numbered from 1 in the order in which they were first seen."""

    index: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, words: Iterable[str]) -> Vocabulary:
        """Numbers given words, which are distinct, in their order."""
        return cls({word: number for number, word in enumerate(words, 1)})

    def add(self, words: Iterable[str]) -> Ids:
        index = self.index
        return np.array([index.setdefault(word, len(index) + 1) for word in words], np.int32)

    def find(self, words: Sequence[str]) -> Ids:
        """Ids of the words; PAD for the unknown ones."""
        return np.array([self.index.get(word, PAD) for word in words], np.int32)

    @property
    def size(self) -> int:
        """Number of ids, PAD included."""
        return len(self.index) + 1

    @property
    def words(self) -> list[str]:
        return list(self.index)


@dataclass(frozen=True, slots=True)
class Corpus:
    """Training pairs as ids, the words the ids stand for, and what became of the pairs given."""

    source: Vocabulary
    target: Vocabulary
    pairs: list[IdPair]
    notes: dict[str, int]


def read_corpus(
    pairs: Iterable[Pair], extra: Iterable[Pair], *, max_pairs: int, max_words: int
) -> Corpus:
    """Number the words of at most `max_pairs` pairs; `extra` fills the room that `pairs` leave.

    Pairs with an empty side, or one of more than `max_words` words, are left out and counted.
    """
    notes = {"used": 0, "empty": 0, "too_long": 0, "thinned": 0}
    kept: list[tuple[list[str], list[str]]] = []
    for part in (pairs, extra):
        taken = thin(_usable(part, max_words, notes), max_pairs - len(kept))
        kept += taken
    cells = sum(len(source) * len(target) for source, target in kept)
    if cells > MAX_CELLS:
        kept = thin(kept, len(kept) * MAX_CELLS // cells)
    usable, notes["used"] = notes["used"], len(kept)
    notes["thinned"] = usable - len(kept)
    source, target = Vocabulary(), Vocabulary()
    ids = [(source.add(one), target.add(other)) for one, other in kept]
    return Corpus(source, target, ids, notes)


def _usable(
    pairs: Iterable[Pair], max_words: int, notes: dict[str, int]
) -> Iterator[tuple[list[str], list[str]]]:
    """The keys of the pairs that can be learnt from; `notes` counts all."""
    for source, target in pairs:
        if not len(source) or not len(target):
            notes["empty"] += 1
        elif max(len(source), len(target)) > max_words:
            notes["too_long"] += 1
        else:
            notes["used"] += 1
            yield keys(source), keys(target)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Pairs of about the same size, padded; `rows` are their places in the input.

    `source` is (pairs, source words), `target` (pairs, target words); PAD fills up.
    """

    rows: NDArray[np.int64]
    source: Ids
    target: Ids
    source_sizes: Ids
    target_sizes: Ids


def buckets(pairs: Sequence[IdPair]) -> Iterator[Bucket]:
    """Group pairs whose sides both round up to the same size, without those with an empty side."""
    groups: dict[tuple[int, int], list[int]] = {}
    for row, (source, target) in enumerate(pairs):
        if len(source) and len(target):
            groups.setdefault((_rounded(len(source)), _rounded(len(target))), []).append(row)
    for shape, rows in sorted(groups.items()):
        step = max(1, BUCKET_CELLS // (shape[0] * shape[1]))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            yield Bucket(
                np.array(part),
                _padded([pairs[row][0] for row in part]),
                _padded([pairs[row][1] for row in part]),
                np.array([len(pairs[row][0]) for row in part], np.int32),
                np.array([len(pairs[row][1]) for row in part], np.int32),
            )


def _rounded(size: int) -> int:
    """Round up in steps of about an eighth, so that padding stays below a quarter of the cells."""
    step = max(1, 1 << max(0, size.bit_length() - 4))
    return -(-size // step) * step


def _padded(rows: Sequence[Ids]) -> Ids:
    out = np.full((len(rows), max(map(len, rows))), PAD, np.int32)
    for place, row in enumerate(rows):
        out[place, : len(row)] = row
    return out
