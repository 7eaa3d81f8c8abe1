"""Copies: targets that say what the source says, in its own words."""

from __future__ import annotations

from collections import Counter
from math import nan

import numpy as np

from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import DIGIT
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints, Keys
from xltpipe.quality.side import Words

LEAST = 3
"""Fewer plain words than this say nothing."""

MOST = 0.6
"""Where fewer of the plain words are copied, the texts are not looked at as characters."""

_KEY = np.uint64(40)
"""Bits of a key that are compared, of two words in one row."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Copied:
    """Share 0..1 of the target's words outside spans that stand in the source outside spans.

    Names and numbers are left out; NaN where fewer than three words remain. And, where most of
    these words are copied, how alike the whole texts are; NaN elsewhere. The latter is no rule by
    default: names and close languages (Spanish, Asturian) make right translations alike.
    """

    columns = (
        Column(
            "copied",
            "untranslated",
            "share",
            "Share of the target's words outside spans that stand in the source.",
            "ours; limit of OpusFilter's SimilarityFilter",
            high=1.0,
            limits=Limits(max=0.9),
        ),
        Column(
            "similarity",
            "similar",
            "share",
            "Letter trigrams of both sides (Dice), where most plain words are copied.",
            "OpusFilter SimilarityFilter (there by edit distance)",
            high=1.0,
            usual=Limits(max=0.9),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source.words, batch.target.words
        ours, theirs = _plain(source), _plain(target)
        shared = _shared(source, ours, target, theirs, batch.rows)
        words = np.bincount(target.row, theirs, batch.rows)
        given = np.bincount(source.row, ours, batch.rows)
        some = (words >= LEAST) & (given > 0)
        copied = np.where(some, shared / np.maximum(words, 1), nan)
        similar = np.full(batch.rows, nan)
        for row in np.flatnonzero(copied >= MOST).tolist():
            similar[row] = _dice(*(signs.joined(s, row) for s in (batch.source, batch.target)))
        return [copied, similar]


def _dice(one: str, other: str) -> float:
    """Twice the trigrams that both have, of all: linear where an edit distance is not."""
    if one == other:
        return 1.0
    ours, theirs = (
        Counter(zip(text, text[1:], text[2:], strict=False))
        for text in (one.lower(), other.lower())
    )
    return 2 * (ours & theirs).total() / max(ours.total() + theirs.total(), 1)


def _plain(words: Words) -> Mask:
    """Words outside spans that do not begin with a digit."""
    plain: Mask = words.plain & ((words.first & DIGIT) == 0)
    return plain


def _shared(source: Words, plain: Mask, target: Words, wanted: Mask, rows: int) -> Ints:
    """Of each row the number of wanted target words that stand among its plain source words."""
    # words that do not count are of rows beyond the last, which differ by side
    ours = _packed(np.where(plain, source.row, rows), source.key)
    theirs = _packed(np.where(wanted, target.row, rows + 1), target.key)
    ours, theirs = _likely(ours, theirs)
    both = np.sort(np.concatenate([ours << np.uint64(1), (theirs << np.uint64(1)) | np.uint64(1)]))
    if not len(both):
        return np.zeros(rows, np.int64)
    of_target = (both & np.uint64(1)).astype(np.bool_)
    words = both >> np.uint64(1)
    starts = np.flatnonzero(np.diff(words, prepend=~words[:1]))
    sizes = np.diff(starts, append=len(both))
    # the source's come first: the first of a group tells whether the source has the word
    copied = of_target & np.repeat(~of_target[starts], sizes)
    return np.bincount((words[copied] >> _KEY).astype(np.int64), minlength=rows)[:rows]


def _packed(row: Ints, key: Keys) -> Keys:
    """Row (23 bits) and key (40 bits) in one number."""
    packed: Keys = (row.astype(np.uint64) << _KEY) | (key >> np.uint64(64 - 40))
    return packed


def _likely(ours: Keys, theirs: Keys) -> tuple[Keys, Keys]:
    """Those that may stand on the other side too; sorting is for them alone."""
    bits = max(12, (4 * len(ours)).bit_length())
    slots = [((k * _MIX) >> np.uint64(64 - bits)).astype(np.int64) for k in (ours, theirs)]
    table = np.zeros(1 << bits, np.bool_)
    table[slots[0]] = True
    found = table.take(slots[1])
    there = np.zeros(1 << bits, np.bool_)
    there[slots[1][found]] = True
    return ours[there.take(slots[0])], theirs[found]


class Identical:
    """1 where a text has the same words in the same order as its source, in whatever case, else 0.

    Texts of names and numbers only (every word in a span or of digits) have no say; NaN where no
    text has.
    """

    columns = (
        Column(
            "identical",
            "identical",
            "flag",
            "1 if a text has the words of its source, apart from case and punctuation.",
            "bicleaner-hardrules no_identical",
            high=1.0,
            limits=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        if not batch.paired or not source.texts:
            return [np.full(batch.rows, nan)]
        says = np.bincount(source.words.text[_plain(source.words)], minlength=source.texts) > 0
        same = np.where(says, 0.0, -1.0)
        edges = [np.searchsorted(s.words.text, np.arange(s.texts + 1)) for s in (source, target)]
        sums = [_sums(s.words.key, edge) for s, edge in zip((source, target), edges, strict=True)]
        for text in np.flatnonzero(says & (sums[0] == sums[1])).tolist():
            ours, theirs = (
                s.words.key[edge[text] : edge[text + 1]]
                for s, edge in zip((source, target), edges, strict=True)
            )
            same[text] = float(np.array_equal(ours, theirs))
        flags = source.over(np.maximum, same, -1.0)
        return [np.where(flags < 0, nan, flags)]


def _sums(keys: Keys, edges: Ints) -> Keys:
    """The sum of the keys between each two edges."""
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(keys, dtype=np.uint64)])
    with np.errstate(over="ignore"):
        between: Keys = sums[edges[1:]] - sums[edges[:-1]]
    return between


SCORERS = (Copied(), Identical())
"""The gravest first."""
