"""Span text: what stands under the spans of the target, compared with the spans they come from."""

from __future__ import annotations

import numpy as np

from xltpipe.quality.batch import Batch, Placements
from xltpipe.quality.by_row import counted, greatest, shared
from xltpipe.quality.characters import ALNUM, CASED, NARROW, UPPER, WIDE, Codes
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.keys import Ints, keys_of
from xltpipe.quality.residue import MARKS
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.side import Side

FEW = 4
"""Columns added to both lengths: of short names, the right translation may be thrice as long."""

NOUN_CAPITALS = frozenset({"deu", "ltz"})
"""Languages that capitalise every noun: there a capital says nothing about names."""

_MARKS = np.array(sorted(map(ord, MARKS)), np.uint32)


class SpanText:
    """Emptiness, residue of markers, length and copying of spans."""

    columns = (
        Column(
            "span_empty",
            "span_empty",
            "spans",
            "Target spans without a letter or digit, their source spans having one.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "span_residue",
            "span_marker_residue",
            "characters",
            "Marker characters in target spans beyond those in their source spans.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "span_length",
            "span_length",
            "ratio",
            "Worst ratio of a target span's columns to its source span's, or the reverse.",
            "ours; chosen on gold spans (docs/findings.md)",
            low=1.0,
            limits=Limits(max=4.0),
        ),
        Column(
            "span_copied",
            "span_copied",
            "share",
            "Share of placed spans that read as in the source, capitals aside.",
            "ours",
            high=1.0,
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        rows, placed = batch.rows, batch.placed
        row = batch.target.spans.row
        return [
            counted(rows, row, _empty(batch)),
            _residue(batch) if batch.marked.any() else np.zeros(rows),
            greatest(rows, placed.row, _lengths(batch, placed)),
            shared(rows, placed.row, _copied(batch, placed)),
        ]


class SpanCase:
    """Names that lost their capital: where the engine dropped a name, aligners link other words.

    Off by default: nationalities and titles rightly lose their capital in many languages. Worth
    switching on for people, places and organisations.
    """

    columns = (
        Column(
            "span_case",
            "span_doubtful",
            "share",
            "Share of placed spans that have a capital if the source span has.",
            "ours",
            high=1.0,
            usual=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        if batch.source.lang in NOUN_CAPITALS:
            return [np.full(batch.rows, np.nan)]
        placed = batch.placed
        capital = batch.source.covered.having(UPPER)[placed.source] > 0
        # a script that writes no capitals (Arabic, Han, Georgian) cannot lose one
        able = batch.target.covered.having(CASED)[placed.target] > 0
        asked = capital & able
        kept = batch.target.covered.having(UPPER)[placed.target] > 0
        return [shared(batch.rows, placed.row[asked], kept[asked])]


def origin(batch: Batch) -> Ints:
    """The source span that each target span comes from, -1 where nobody says."""
    out = np.full(len(batch.target.spans.row), -1, np.int64)
    out[batch.placed.target] = batch.placed.source
    return out


def _empty(batch: Batch) -> Mask:
    bare = batch.target.covered.having(ALNUM) == 0
    come = origin(batch)
    known = come >= 0
    excused = np.zeros(len(bare), np.bool_)
    excused[known] = (batch.source.covered.having(ALNUM) == 0)[come[known]]
    found: Mask = bare & ~excused
    return found


def _residue(batch: Batch) -> Floats:
    """Of texts that were sent without markers none is left."""
    ours, theirs = _marks(batch.source), _marks(batch.target)
    over = theirs.astype(np.float64)
    over[batch.placed.target] -= ours[batch.placed.source]
    found = np.bincount(batch.target.spans.row, np.maximum(0, over), minlength=batch.rows)
    return np.where(batch.marked, found, 0.0)


def _marks(side: Side) -> Ints:
    return side.covered.count(_among(side.codes[side.covered.place], _MARKS))


def _among(codes: Codes, wanted: Codes) -> Mask:
    place = np.minimum(np.searchsorted(wanted, codes), len(wanted) - 1)
    found: Mask = wanted[place] == codes
    return found


def _lengths(batch: Batch, placed: Placements) -> Floats:
    ours = _columns(batch.source)[placed.source] + FEW
    theirs = _columns(batch.target)[placed.target] + FEW
    found: Floats = np.maximum(ours, theirs) / np.minimum(ours, theirs)
    return found


def _columns(side: Side) -> Ints:
    """Columns that each span fills: wide characters 2, marks on letters 0."""
    flags = side.covered.flags
    width = 1 + ((flags & WIDE) > 0) - ((flags & NARROW) > 0).astype(np.int8)
    return side.covered.count(width)


def _copied(batch: Batch, placed: Placements) -> Mask:
    ours, theirs = _keys(batch.source), _keys(batch.target)
    same: Mask = ours[placed.source] == theirs[placed.target]
    return same


def _keys(side: Side) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """One key per span, from its own characters only: the rest of the text is not hashed anew."""
    covered = side.covered
    sizes = side.spans.end - side.spans.start
    return keys_of(side.codes[covered.place], covered.first, covered.first + sizes)


SCORERS: tuple[Scorer, ...] = (SpanText(), SpanCase())
