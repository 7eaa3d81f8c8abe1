"""Pairs: what must hold of examples of two texts (questions on contexts, pairs of sentences)."""

from __future__ import annotations

import numpy as np

from xltpipe.quality.batch import Batch
from xltpipe.quality.by_row import counted
from xltpipe.quality.characters import ALNUM, ALONE, MARK
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.side import Side

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
        merged = _equal(target, both) & ~_equal(source, both)
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
        context = spans.text[placed.target] - batch.target.first[placed.row] == CONTEXT
        ours, theirs = _Searched(batch.source), _Searched(batch.target)
        out = np.zeros(batch.rows)
        for k in np.flatnonzero(context):
            more = theirs.further(int(placed.target[k]))
            if more:
                more -= ours.further(int(placed.source[k]))
            out[placed.row[k]] = max(out[placed.row[k]], more)
        return out


class _Searched:
    """All texts of a side as one string in small letters, character by character as `codes`."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._whole = side.lower.tobytes().decode("utf-32-le", "surrogatepass")

    def further(self, span: int) -> int:
        """Places of a span's characters in its text, other than its own, at edges of words."""
        side = self._side
        start, end = int(side.spans.start[span]), int(side.spans.end[span])
        text = int(side.spans.text[span])
        wanted, last = self._whole[start:end], int(side.end[text])
        found, at = 0, self._whole.find(wanted, int(side.start[text]), last)
        while at >= 0:
            found += at != start and _bounded(side, at, at + len(wanted))
            at = self._whole.find(wanted, at + len(wanted), last)
        return found


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


def _equal(side: Side, rows: Mask) -> Mask:
    """Whether the first two texts of these rows are the same, capitals aside."""
    places = _places(side, rows)
    sizes = (side.end - side.start)[places]
    same: Mask = sizes[:, 0] == sizes[:, 1]
    for k in np.flatnonzero(same):  # few are as long as their neighbour
        one, other = (side.lower[side.start[n] : side.end[n]] for n in places[k])
        same[k] = np.array_equal(one, other)
    return same


SCORERS: tuple[Scorer, ...] = (TextsDistinct(), Answers())
