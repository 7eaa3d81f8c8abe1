"""Lengths: of texts and words, and of the target beside the source."""

from __future__ import annotations

from math import nan

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.characters import ALONE, LETTER, WIDE
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.side import Side

FEW = 8
"""Columns added to both lengths: of short texts, the right translation may be thrice as long."""

SHORT = 11
"""Texts with fewer columns on both sides have no say in `character_ratio`: RIP may be a clause."""

FEW_WORDS = 2
"""Words added to both numbers of words, for the same reason."""

WIDE_PART, NARROW_PART = 1 / 2, 1 / 4
"""Of a word that one character is where none are parted: Chinese and Japanese; Thai and its like.

Right translations from English have 1.6 characters a word in Chinese (XQuAD).
"""


class TargetWords:
    """Words of the shortest target text whose source text is not blank.

    Punctuation counts only where the source is nothing else.
    """

    columns = (
        Column(
            "target_words",
            "empty",
            "words",
            "Words of the shortest target text whose source text is not blank.",
            "ours",
            limits=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        words = target.words_per_text.astype(np.float64)
        if batch.paired:
            wordless = np.flatnonzero(source.words_per_text == 0)
            if len(wordless):
                words[wordless] = _where_no_word(source, target, wordless)
        shortest = target.over(np.minimum, words, np.inf)
        return [np.where(np.isinf(shortest), 0.0, shortest)]


def _where_no_word(source: Side, target: Side, texts: Ints) -> Floats:
    """Words of targets whose source has none: punctuation counts; infinite where it is blank."""
    signs = np.bincount(target.texts_at(target.signs), minlength=target.texts)
    out = (target.words_per_text[texts] + signs[texts]).astype(np.float64)
    blank = [not source.string(text).strip() for text in texts.tolist()]
    out[np.array(blank, np.bool_)] = np.inf
    return out


class Ratios:
    """Lengths of the target to the source's, in columns and in words; NaN if the source is blank.

    Columns on a terminal count wide characters (Chinese, Japanese, Korean) twice and marks on
    letters not at all, so that one pair of limits serves all scripts; characters of scripts
    without spaces are parts of words. `length_ratio` forgives short texts their odd ratios,
    `character_ratio` leaves the shortest out and forgives none. The source counts as blank for the
    words if it has none.
    """

    columns = (
        Column(
            "length_ratio",
            "length_ratio",
            "ratio",
            f"Columns of the target texts to those of the source's, both with {FEW} added.",
            "OpusFilter LengthRatioFilter, bicleaner-hardrules",
            limits=Limits(min=1 / 3, max=3.0),
        ),
        Column(
            "character_ratio",
            "character_ratio",
            "ratio",
            "Columns of the target texts to those of the source's, both with 1 added.",
            "OpusFilter LengthRatioFilter (characters)",
            limits=Limits(min=1 / 3, max=3.0),
        ),
        Column(
            "word_ratio",
            "word_ratio",
            "ratio",
            f"Words of the target texts to those of the source's, both with {FEW_WORDS} added.",
            "OpusFilter LengthRatioFilter (words)",
            limits=Limits(min=1 / 3, max=3.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        ours, theirs = target.per_row(target.columns), source.per_row(source.columns)
        columns = (ours + FEW) / (theirs + FEW)
        strict = (ours + 1) / (theirs + 1)
        blank = _blank(source)
        columns[blank] = strict[blank] = nan
        strict[np.maximum(ours, theirs) < SHORT] = nan
        given, found = (side.over(np.add, _sizes(side), 0.0) for side in (source, target))
        words = (found + FEW_WORDS) / (given + FEW_WORDS)
        words[given == 0] = nan
        return [columns, strict, words]


def _blank(side: Side) -> Mask:
    """Rows whose texts are all blank; only those without a word are looked at one by one."""
    out = np.zeros(side.rows, np.bool_)
    for row in np.flatnonzero(side.per_row(side.words_per_text) == 0).tolist():
        texts = range(side.first[row], side.first[row + 1])
        out[row] = not any(side.string(text).strip() for text in texts)
    return out


class Longest:
    """The longest text of either side and the longest word of the target.

    Off by default: passages of question answering are longer than OpusFilter's sentences.
    """

    columns = (
        Column(
            "longest_word",
            "long_word",
            "characters",
            "Characters of the target's longest word (letters, marks and digits).",
            "OpusFilter LongWordFilter",
            limits=Limits(max=39.0),
        ),
        Column(
            "longest_text",
            "long_text",
            "words",
            "Words of the longest text of either side.",
            "OpusFilter LengthFilter",
            usual=Limits(min=1.0, max=100.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        words = batch.target.words
        longest = np.zeros(batch.rows)
        if len(words.row):
            first = np.flatnonzero(np.diff(words.row, prepend=-1))
            longest[words.row[first]] = np.maximum.reduceat(words.end - words.start, first)
        texts = [side.over(np.maximum, _sizes(side), 0.0) for side in (batch.source, batch.target)]
        return [longest, np.maximum(*texts)]


def _sizes(side: Side) -> Floats:
    """Words of each text, characters of scripts without spaces being parts of one."""
    words = side.words
    alone = (words.first & ALONE) > 0
    if not alone.any():
        return side.words_per_text.astype(np.float64)
    part = np.where((words.first & WIDE) > 0, WIDE_PART, NARROW_PART)
    return np.bincount(words.text, np.where(alone, part, 1.0), side.texts).astype(np.float64)


class Wordless:
    """Rows of numbers and signs alone, which nobody can learn from unless they bear a label."""

    columns = (
        Column(
            "wordless",
            "wordless",
            "flag",
            "1 where no text of either side has a letter, and the row neither spans nor a class.",
            "bicleaner-hardrules no_only_numbers, no_only_symbols",
            high=1.0,
            limits=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        lettered = np.zeros(batch.rows, np.bool_)
        for side in (batch.source, batch.target):
            lettered[side.words.row[(side.words.first & LETTER) > 0]] = True
        out = np.zeros(batch.rows)
        for row in np.flatnonzero(~lettered).tolist():  # few; "1st" has a letter, too
            out[row] = _says_nothing(batch, row)
        return [out]


def _says_nothing(batch: Batch, row: int) -> bool:
    source, target = batch.source, batch.target
    if source.spans.first[row] < source.spans.first[row + 1]:
        return False
    if batch.table.column("source")[row]["label"].is_valid:
        return False
    return not any(
        (side.flags[side.start[text] : side.end[text]] & LETTER).any()
        for side in (source, target)
        for text in range(side.first[row], side.first[row + 1])
    )


SCORERS = (TargetWords(), Ratios(), Longest(), Wordless())
"""The gravest first."""
