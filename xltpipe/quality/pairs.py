"""Pairs: what must hold of examples of two texts (questions on contexts, pairs of sentences)."""

from __future__ import annotations

import numpy as np

from xltpipe.quality.batch import Batch, Ints, Side, keys_of
from xltpipe.quality.by_row import counted
from xltpipe.quality.characters import ALNUM, ALONE, MARK
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.scorer import Scorer

CONTEXT = 1
"""The text of a question's example that its answers are in; see `datasets.squad`."""


class TextsDistinct:
    """Whether both texts are there, and still two."""

    columns = (
        Column(
            "texts_distinct",
            "texts_equal",
            "flag",
            "0 where one of several target texts is blank, or equals another one, its source not.",
            "ours",
            high=1.0,
            limits=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source, batch.target
        out = np.full(batch.rows, np.nan)
        several = np.diff(source.first) > 1
        both = several & (np.diff(target.first) == np.diff(source.first))
        out[several] = 0.0  # a text is missing
        if not both.any():
            return [out]
        blank = _first_two(target, both, ~_filled(target)) & _first_two(
            source, both, _filled(source)
        )
        ours, theirs = (_keys(side)[_places(side, both)] for side in (source, target))
        merged = (theirs[:, 0] == theirs[:, 1]) & (ours[:, 0] != ours[:, 1])
        out[both] = np.where(blank.any(axis=1) | merged, 0.0, 1.0)
        return [out]


class Answers:
    """Answers of a question on a context, which are spans of it."""

    columns = (
        Column(
            "answer_found",
            "answer_lost",
            "flag",
            "1 where an answer of the source is in the target's context, NaN without answers.",
            "ours",
            high=1.0,
            limits=Limits(min=1.0),
        ),
        Column(
            "answer_ambiguity",
            "answer_ambiguous",
            "occurrences",
            "Further places of the answer's words in its context, beyond the source's.",
            "ours",
            usual=Limits(max=0.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = batch.source.spans, batch.target.spans
        asked = source.text - batch.source.first[source.row] == CONTEXT
        given = target.text - batch.target.first[target.row] == CONTEXT
        if not asked.any():
            return [np.full(batch.rows, np.nan), np.full(batch.rows, np.nan)]
        answered = counted(batch.rows, source.row, asked) > 0
        solid = given & (batch.target.covered.having(ALNUM) > 0)
        found = (counted(batch.rows, target.row, solid) > 0).astype(np.float64)
        return [
            np.where(answered, found, np.nan),
            np.where(answered & (found > 0), self._ambiguity(batch), np.nan),
        ]

    def _ambiguity(self, batch: Batch) -> Floats:
        placed, spans = batch.placed, batch.target.spans
        here = np.flatnonzero(spans.text[placed.target] - batch.target.first[placed.row] == CONTEXT)
        out = np.zeros(batch.rows)
        for k in here:
            more = _further(batch.target, int(placed.target[k]))
            if more:
                more -= _further(batch.source, int(placed.source[k]))
            row = placed.row[k]
            out[row] = max(out[row], more)
        return out


def _further(side: Side, span: int) -> int:
    """Places of a span's characters in its text, other than its own, at edges of words."""
    text = int(side.spans.text[span])
    start, end = int(side.start[text]), int(side.end[text])
    size = int(side.spans.end[span] - side.spans.start[span])
    whole = side.cut(start, end).casefold()
    if len(whole) != end - start:  # a letter whose small form is two: places would shift
        whole = side.cut(start, end)
    wanted = whole[side.spans.start[span] - start :][:size]
    found, at = 0, whole.find(wanted)
    while at >= 0:
        found += _bounded(side, start + at, start + at + size)
        at = whole.find(wanted, at + size)
    return max(0, found - 1)


def _bounded(side: Side, start: int, end: int) -> bool:
    """No word of a spaced script runs over an edge."""
    flags = side.flags
    inside = [
        at > 0 and bool(_spelt(int(flags[at - 1])) and _spelt(int(flags[at])))
        for at in (start, end)
    ]
    return not any(inside)


def _spelt(flags: int) -> bool:
    return bool(flags & (ALNUM | MARK)) and not flags & ALONE


def _filled(side: Side) -> Mask:
    """Which texts have a letter, a digit or any other character that is not space."""
    found: Mask = side.per_text((side.flags & (ALNUM | MARK)) > 0) > 0
    return found


def _places(side: Side, rows: Mask) -> Ints:
    """The first two texts of these rows."""
    return side.first[:-1][rows][:, None] + np.arange(2)


def _first_two(side: Side, rows: Mask, texts: Mask) -> Mask:
    found: Mask = texts[_places(side, rows)]
    return found


def _keys(side: Side) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return keys_of(side.codes, side.start, side.end)


SCORERS: tuple[Scorer, ...] = (TextsDistinct(), Answers())
