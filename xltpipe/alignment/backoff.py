"""Words that begin alike share counts: what was learnt of one inflected form helps the others.

The expected count of a word pair is topped up with the counts of the pairs of its classes, times
the share that each word has of its class. Words of a class begin with the same letters, accents
aside, as in Fraser & Marcu (2005): crude stems that need no word list.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.lexicon import Doubles, Longs
from xltpipe.alignment.similarity import without_accents
from xltpipe.text import is_punctuation

Classes = NDArray[np.int64]

LEVELS: tuple[tuple[int | None, int | None], ...] = ((4, None), (None, 4), (4, 4))
"""Letters that count on the source and on the target side; None is the whole word."""

LEAST_SHARE = 1e-3
"""Added to each word's count, so that words without one yet share their class evenly."""

UNLIKE = 0.01
"""What remains of the count of a punctuation mark with a word."""

_SPOKEN = frozenset("%&@#*§‰")
"""Marks that another language may write as a word."""


@dataclass(frozen=True, slots=True)
class _Level:
    source: Classes
    target: Classes
    place: NDArray[np.int32]
    """Which pair of classes a word pair belongs to."""


class Backoff:
    """Classes of all word pairs of a table; called with counts, gives what classes add to them."""

    def __init__(
        self, sources: Sequence[str], targets: Sequence[str], rows: Longs, columns: Longs
    ) -> None:
        self._rows, self._columns = rows, columns
        self._levels = [
            _level(_classes(sources, left), _classes(targets, right), rows, columns)
            for left, right in LEVELS
        ]

    def __call__(self, counts: Doubles, by_source: Doubles, by_target: Doubles) -> Doubles:
        """The sum over all levels; `by_source` and `by_target` are the sums of `counts` by word."""
        more = np.zeros(len(counts))
        for level in self._levels:
            part = np.bincount(level.place, counts)[level.place]
            source, target = _shares(by_source, level.source), _shares(by_target, level.target)
            more += part * source[self._rows] * target[self._columns]
        return more


def likely(
    sources: Sequence[str], targets: Sequence[str], rows: Longs, columns: Longs
) -> NDArray[np.float32]:
    """Factor of each word pair: UNLIKE for a punctuation mark with a word, else 1."""
    source, target = _marks(sources), _marks(targets)
    return np.where(source[rows] == target[columns], np.float32(1), np.float32(UNLIKE))


def _level(source: Classes, target: Classes, rows: Longs, columns: Longs) -> _Level:
    codes = source[rows] * (int(target.max()) + 1) + target[columns]
    place = np.unique(codes, return_inverse=True)[1]
    return _Level(source, target, place.astype(np.int32))


def _shares(counts: Doubles, classes: Classes) -> Doubles:
    """Each word's part of its class."""
    counts = counts + LEAST_SHARE
    shares: Doubles = counts / np.bincount(classes, counts)[classes]
    return shares


def _classes(words: Iterable[str], letters: int | None) -> Classes:
    """Class of each word by id, PAD's first."""
    index: dict[str, int] = {}
    numbers = (index.setdefault(_stem(word, letters), len(index) + 1) for word in words)
    return np.array([0, *numbers], np.int64)


def _stem(word: str, letters: int | None) -> str:
    """What words of a class have in common; numbers are never alike."""
    if letters is None or any(character.isdigit() for character in word):
        return word
    return without_accents(word)[:letters]


def _marks(words: Iterable[str]) -> NDArray[np.bool_]:
    return np.array([False, *(is_punctuation(word) and not _spoken(word) for word in words)])


def _spoken(word: str) -> bool:
    """A sign that may stand for a word: a symbol (category S*) or one of a few others."""
    return any(unicodedata.category(one)[0] == "S" or one in _SPOKEN for one in word)
