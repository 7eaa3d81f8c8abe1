"""Repetition: engines that fall into a loop say the same again and again."""

from __future__ import annotations

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import ALONE, SPACE
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints, Keys
from xltpipe.quality.side import Side, Words

LEAST, LEAST_UNSPACED = 2, 3
"""Characters of the shortest unit that repeats, in a script with spaces and in one without."""

PERIODS = 8
"""Words of the longest unit looked for; thrice as many where each character is a word."""

ORDER = 3
"""Words of an n-gram; without spaces twice as many characters."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


class Repetition:
    """What the target repeats and the source does not."""

    columns = (
        Column(
            "loops",
            "repeated",
            "repeats",
            "Times that a unit of 1 to 8 words is said again without a break, beyond the source's.",
            "OpusFilter RepetitionFilter",
            limits=Limits(max=1.0),
        ),
        Column(
            "repeated_ngrams",
            "repeated_ngrams",
            "share",
            "Share of a text's word trigrams that stood in it before, beyond the source's.",
            "Gopher (Rae et al., 2021)",
            high=1.0,
            limits=Limits(max=0.18),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        loops, shares = _repeats(target, None, (LEAST, LEAST_UNSPACED))
        found = (loops > 0) | (shares > 0)
        if batch.paired and found.any():
            before = _repeats(source, found, (1, 1))  # "a, a" may become "una, una"
            loops, shares = (
                np.maximum(now - then, 0.0)
                for now, then in zip((loops, shares), before, strict=True)
            )
        return [target.over(np.maximum, loops, 0.0), target.over(np.maximum, shares, 0.0)]


def _repeats(side: Side, texts: Mask | None, least: tuple[int, int]) -> tuple[Floats, Floats]:
    """Loops and share of repeated n-grams of each text (0 for those that are not asked for)."""
    words = side.words
    at = None if texts is None else np.flatnonzero(texts[words.text])
    again = _again(side, at, ORDER)
    return _loops(side, at, again, least), _shares(side, at, again)


def _again(side: Side, at: Ints | None, order: int) -> Ints:
    """Of each text the n-grams of this many words (of those `at`) that stood in it before."""
    words = side.words
    key, text = (words.key, words.text) if at is None else (words.key[at], words.text[at])
    size = len(key) - order + 1
    if size < 1:
        return np.zeros(side.texts, np.int64)
    with np.errstate(over="ignore"):
        grams: Keys = key[:size] * _MIX
        for step in range(1, order):
            grams += key[step : step + size]
            grams *= _MIX
    whole = text[:size] == text[order - 1 :]
    # 24 bits for the text, 40 for the n-gram
    packed = (text[:size].astype(np.uint64) << np.uint64(40)) | (grams >> np.uint64(24))
    packed = np.sort(packed[whole])
    twice = packed[1:][packed[1:] == packed[:-1]] >> np.uint64(40)
    return np.bincount(twice.astype(np.int64), minlength=side.texts)


def _shares(side: Side, at: Ints | None, again: Ints) -> Floats:
    """Repeated n-grams of each text to all; n-grams are longer where characters are words."""
    words = side.words_per_text
    shares = again / np.maximum(words - ORDER + 1, 1)
    alone = (side.words.first & ALONE) > 0
    if alone.any():
        unspaced = 2 * np.bincount(side.words.text[alone], minlength=side.texts) > words
        long = _again(side, at, 2 * ORDER) / np.maximum(words - 2 * ORDER + 1, 1)
        shares[unspaced] = long[unspaced]
    return np.asarray(shares, np.float64)


def _loops(side: Side, at: Ints | None, again: Ints, least: tuple[int, int]) -> Floats:
    """Of each text how often its most repeated unit comes again."""
    words, out = side.words, np.zeros(side.texts)
    for period in range(1, ORDER):
        _repeated(words, at, period, least, out)
    # where a longer unit comes twice, all but two of its words begin a trigram that stood before
    some = np.flatnonzero(again[words.text])
    for period in range(ORDER, 3 * PERIODS + 1):
        some = some[again[words.text[some]] >= period - 2]
        if period == PERIODS + 1:
            some = some[(words.first[some] & ALONE) > 0]
        if not len(some):
            break
        _repeated(words, some, period, least, out)
    _characters(side, out)
    return out


def _repeated(
    words: Words, at: Ints | None, period: int, least: tuple[int, int], out: Floats
) -> None:
    """Raise `out` to the repeats of units of this many words among the words `at`."""
    key, text = (words.key, words.text) if at is None else (words.key[at], words.text[at])
    same = np.flatnonzero((key[period:] == key[:-period]) & (text[period:] == text[:-period]))
    if len(same) < period:
        return
    first, length = _runs(same)
    first, repeats = first[length >= period], length[length >= period] // period
    if not len(first):
        return
    begin, last = first, first + period - 1
    if at is not None:
        begin, last = at[begin], at[last]
    shortest = np.where((words.first[begin] & ALONE) > 0, least[1], least[0])
    counts = words.end[last] - words.start[begin] >= shortest
    np.maximum.at(out, words.text[begin[counts]], repeats[counts])


def _characters(side: Side, out: Floats) -> None:
    """The same for one character written many times: three of them make a unit."""
    same = side.codes[1:] == side.codes[:-1]
    two = same[1:] & same[:-1]
    if len(two) < 3 or not (two[2:] & two[:-2]).any():
        return
    same &= (side.flags[1:] & SPACE) == 0
    first, length = _runs(np.flatnonzero(same))
    repeats = (length + 1) // LEAST_UNSPACED - 1
    counts = repeats > 0
    np.maximum.at(out, side.texts_at(first[counts]), repeats[counts])


def _runs(places: Ints) -> tuple[Ints, Ints]:
    """Runs of places that follow one another: the first of each, and how many they are."""
    starts = np.flatnonzero(np.diff(places, prepend=-2) != 1)
    return places[starts], np.diff(starts, append=len(places))


SCORERS = (Repetition(),)
