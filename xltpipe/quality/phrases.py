"""Phrases: what language models say beside a translation, or instead of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xltpipe.phrases import kinds, lists, plain
from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints, Keys
from xltpipe.quality.side import Side
from xltpipe.types import Example, Unit

ORDER = 3
"""Words at the beginning of a phrase by which texts are found that may hold it."""

MARKS = "`<|"
"""A phrase that begins with one of these is looked for where the mark stands."""

PLACES = {"start": ("start", "headings"), "anywhere": ("anywhere", "spoken")}
"""Lists of phrases by where in a text they are looked for."""

_BITS = np.uint64(18)
_SIZE = 1 << 18
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Phrases:
    """Refusals and announcements in the target, where the source holds nothing of the kind."""

    columns = (
        Column(
            "refusal",
            "refusal",
            "count",
            "Phrases by which a language model declines, where the source has none.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "preamble",
            "preamble",
            "count",
            "Phrases by which a language model frames its answer, where the source has none.",
            "ours",
            limits=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        known = kinds()
        out = [np.zeros(batch.rows) for _ in known]
        for row in np.flatnonzero(_suspicious(batch.target)).tolist():
            found = _texts(batch.target, row)
            for kind, counts in zip(known, out, strict=True):
                if kind.count(found):
                    counts[row] = kind.beyond(found, _texts(batch.source, row))
        return out


def _texts(side: Side, row: int) -> list[str]:
    texts = range(int(side.first[row]), int(side.first[row + 1]))
    return [plain(side.string(text)) for text in texts]


class _Beginnings(NamedTuple):
    """Hashes of the first words of phrases: a table that is quick to ask, and all, ascending."""

    table: NDArray[np.bool_]
    hashes: Keys

    @classmethod
    def of(cls, hashes: Sequence[np.uint64]) -> _Beginnings:
        table, known = np.zeros(_SIZE, np.bool_), np.sort(np.array(hashes, np.uint64))
        table[_slots(known)] = True
        return cls(table, known)

    def find(self, grams: Keys) -> Ints:
        at = np.flatnonzero(self.table.take(_slots(grams)))
        if not len(at):
            return at
        near = np.searchsorted(self.hashes, grams[at]).clip(max=len(self.hashes) - 1)
        found: Ints = at[self.hashes[near] == grams[at]]
        return found


@cache
def _beginnings(place: str) -> list[_Beginnings]:
    """By the number of words that are compared, one to three."""
    hashes: list[list[np.uint64]] = [[] for _ in range(ORDER)]
    for kind in lists().values():
        phrases = [p for name in PLACES[place] for p in kind.get(name, [])]
        for key in _keys([p for p in phrases if p[0] not in MARKS]):
            *_, longest = _grams(key[:ORDER])
            hashes[min(ORDER, len(key)) - 1].append(longest[0])
    return [_Beginnings.of(several) for several in hashes]


def _keys(phrases: Sequence[str]) -> list[Keys]:
    """The keys of the words of each phrase."""
    examples = [Example("", "eng", (phrase,)) for phrase in phrases]
    words = Batch.of([Unit(e, e) for e in examples]).source.words
    edges = np.searchsorted(words.text, np.arange(1, len(phrases)))
    return np.split(words.key, edges) if phrases else []


def _suspicious(side: Side) -> Mask:
    """Rows that may hold a phrase."""
    out = np.zeros(side.rows, np.bool_)
    words = side.words
    first = np.flatnonzero(np.diff(words.text, prepend=-1))
    both = zip(_beginnings("start"), _beginnings("anywhere"), strict=True)
    for (start, anywhere), grams in zip(both, _grams(words.key), strict=False):
        begins = first[: np.searchsorted(first, len(grams))]
        out[words.row[begins[start.find(grams[begins])]]] = True
        out[words.row[anywhere.find(grams)]] = True
    out[side.row_of[side.texts_at(signs.places(side, MARKS))]] = True
    return out


def _grams(key: Keys) -> Iterator[Keys]:
    """Hashes of each one, two and three words that follow one another."""
    grams: Keys = key[:0]
    for order in range(1, min(ORDER, len(key)) + 1):
        with np.errstate(over="ignore"):
            grams = key * _MIX if order == 1 else (grams[:-1] + key[order - 1 :]) * _MIX
        yield grams


def _slots(keys: Keys) -> Ints:
    return (keys >> (np.uint64(64) - _BITS)).astype(np.int64)


SCORERS = (Phrases(),)
