"""Labels: whether each label of the source is there in the target, no more and no less."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xltpipe.quality.batch import Batch
from xltpipe.quality.by_row import counted
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.quality.keys import Ints
from xltpipe.quality.scorer import Scorer


class Labels:
    """How many spans came over, and whether they kept their labels.

    A row whose spans nobody has projected has no placements: nothing of it was lost.
    """

    columns = (
        Column(
            "spans_placed",
            "span_lost",
            "share",
            "Share of the source's spans that were placed; 1 where there are none.",
            "ours",
            high=1.0,
            limits=Limits(min=1.0),
        ),
        Column(
            "label_changed",
            "label_changed",
            "spans",
            "Placed spans whose label differs from that of their source span.",
            "ours",
            limits=Limits(max=0.0),
        ),
        Column(
            "labels_kept",
            "labels_differ",
            "share",
            "Spans per label, source with target: 1 - sum |s - t| / sum max(s, t).",
            "ours",
            high=1.0,
            usual=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        placed = batch.placed
        ours, theirs = _numbers(batch)
        changed = ours[placed.source] != theirs[placed.target]
        return [
            _placed_share(batch),
            counted(batch.rows, placed.row, changed),
            _kept(batch, ours, theirs),
        ]


class Class:
    """Whether the class of a whole example (topic, entailment, sentiment) came over."""

    columns = (
        Column(
            "class_kept",
            "class_changed",
            "flag",
            "1 where the example's own label is that of the source, 0 where not.",
            "ours",
            high=1.0,
            limits=Limits(min=1.0),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = (_classes(batch, side) for side in ("source", "target"))
        if source.null_count == batch.rows:
            return [np.full(batch.rows, np.nan)]
        same = pc.fill_null(pc.equal(source, target), False).to_numpy(zero_copy_only=False)
        given = source.is_valid().to_numpy(zero_copy_only=False)
        return [np.where(given, same.astype(np.float64), np.nan)]


def _classes(batch: Batch, side: str) -> pa.Array:
    return pc.struct_field(batch.table.column(side), "label").combine_chunks()


def _placed_share(batch: Batch) -> Floats:
    """A source span without any placement is as lost as one that has a reason for it."""
    spans = counted(batch.rows, batch.source.spans.row)
    asked = (spans > 0) & (counted(batch.rows, batch.placements.row) > 0)
    placed = counted(batch.rows, batch.placed.row)
    share: Floats = np.divide(placed, spans, out=np.ones(batch.rows), where=asked)
    return share


def _numbers(batch: Batch) -> tuple[Ints, Ints]:
    """The label of each span as a number, the same on both sides."""
    source, target = batch.source.spans, batch.target.spans
    number = {name: n for n, name in enumerate(dict.fromkeys([*source.labels, *target.labels]))}
    table = np.array([number[name] for name in (*source.labels, *target.labels)], np.int64)
    return table[source.label], table[len(source.labels) + target.label]


def _kept(batch: Batch, ours: Ints, theirs: Ints) -> Floats:
    source, target = batch.source.spans, batch.target.spans
    size = int(max(ours.max(initial=0), theirs.max(initial=0))) + 1
    keys = np.concatenate([source.row * size + ours, target.row * size + theirs])
    kinds, kind = np.unique(keys, return_inverse=True)
    given = np.bincount(kind[: len(ours)], minlength=len(kinds))
    found = np.bincount(kind[len(ours) :], minlength=len(kinds))
    row = kinds // size
    apart = np.bincount(row, np.abs(given - found), minlength=batch.rows)
    most = np.bincount(row, np.maximum(given, found), minlength=batch.rows)
    out: Floats = 1 - np.divide(apart, most, out=np.zeros(batch.rows), where=most > 0)
    return out


SCORERS: tuple[Scorer, ...] = (Labels(), Class())
