"""Columns: projection by links on whole tables, without a record per row.

The same placing as in `aligned`, read from and written to Arrow: same results, several times the
speed (docs/results.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xltpipe.projection.aligned import Placer
from xltpipe.projection.placing import Place
from xltpipe.projection.sides import LinkReader, Side, Spans, Task, fields, links_to_array
from xltpipe.protocols import Aligner, Pair
from xltpipe.tables import UNITS
from xltpipe.types import Words, one_each

METHOD, COPIED = "aligned", "aligned:copied"

Integers = NDArray[np.int64]

SPANS = UNITS.field("target").type.field("spans").type
PLACEMENTS = UNITS.field("placements").type


@dataclass(slots=True)
class Outcomes:
    """What became of each source span, in flat columns; `ends` is 0 where it was lost."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    scores: list[float | None] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)

    @classmethod
    def of(cls, size: int) -> Outcomes:
        return cls([0] * size, [0] * size, [None] * size, [METHOD] * size, [None] * size)

    def put(self, k: int, found: Place | str, target: Words | None) -> None:
        if isinstance(found, str) or target is None:
            self.reasons[k] = found if isinstance(found, str) else "text_missing"
            return
        start, end, self.scores[k], copied = found
        self.starts[k], self.ends[k] = target.bounds[start][0], target.bounds[end - 1][1]
        if copied:
            self.methods[k] = COPIED


def align_table(units: pa.Table, aligner: Aligner) -> pa.Array:
    """The links of each unit's texts that have spans, as `LINKS`."""
    source, target, spans = _sides(units)
    tasks: list[Task] = []
    pairs: list[Pair] = []
    for (row, text), _ in spans.tasks():
        ours, theirs = source.words(row, text), target.words(row, text)
        if ours is not None and theirs is not None:
            tasks.append((row, text))
            pairs.append((ours, theirs))
    found = aligner.align(pairs)
    one_each("Aligner", len(pairs), found)
    return links_to_array(tasks, found, units.num_rows)


def project_table(units: pa.Table, placer: Placer, links: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The units with `target.spans` and `placements` filled, as `AlignedProjector` fills them.

    Args:
        units: a UNITS table; further columns are kept.
        placer: of `Aligned.placer`.
        links: one `LINKS` row per unit.
    """
    one_each("Links", units.num_rows, links)
    source, target, spans = _sides(units)
    outcomes = Outcomes.of(len(spans.bounds))
    reader = LinkReader(links)
    labels = spans.labels.to_pylist() if placer.legacy else None
    for (row, text), places in spans.tasks():
        ours, theirs = source.words(row, text), target.words(row, text)
        found: Sequence[Place | str] = ["text_missing"] * len(places)
        if ours is not None and theirs is not None:
            found = placer.place(
                [spans.bounds[k] for k in places],
                [labels[k] for k in places] if labels else (),
                ours,
                theirs,
                reader.of(row, text),
            )
        for k, one in zip(places, found, strict=True):
            outcomes.put(k, one, theirs)
    return _filled(units, spans, outcomes)


def _sides(units: pa.Table) -> tuple[Side, Side, Spans]:
    source, target = (fields(units.column(name)) for name in ("source", "target"))
    return Side(source), Side(target), Spans(source.field("spans"))


def _filled(units: pa.Table, spans: Spans, outcomes: Outcomes) -> pa.Table:
    sizes = np.diff(np.array(spans.offsets)).astype(np.int64)
    rows: Integers = np.repeat(np.arange(len(sizes)), sizes)
    whole = slice(spans.offsets[0], spans.offsets[0] + len(rows))
    starts, ends, texts = (
        np.array(column[whole], np.int32)
        for column in (outcomes.starts, outcomes.ends, spans.texts)
    )
    kept = np.flatnonzero(ends > 0)
    # in text order, an outer span before an inner one, as `filling.filled` has them
    order = kept[np.lexsort((-ends[kept], starts[kept], texts[kept], rows[kept]))]
    firsts = _offsets(np.bincount(rows[kept], minlength=len(sizes)))
    rank = np.full(len(rows), -1, np.int32)
    rank[order] = np.arange(len(order)) - firsts[rows[order]]
    placed = [
        pa.array(starts[order]),
        pa.array(ends[order]),
        spans.labels.take(pa.array(order + whole.start)),
        pa.array(texts[order].astype(np.int16)),
    ]
    offsets = _offsets(sizes)
    placements = [
        pa.array((np.arange(len(rows)) - offsets[rows]).astype(np.int32)),
        pa.array(rank, mask=rank < 0),
        pa.array(outcomes.methods[whole], pa.string()),
        pa.array(outcomes.scores[whole], pa.float64()),
        pa.array(outcomes.reasons[whole], pa.string()),
        pa.array(np.zeros(len(rows), np.int16)),
        pa.nulls(len(rows), pa.float64()),  # links know no second-best place
    ]
    return _with(units, _lists(firsts, placed, SPANS), _lists(offsets, placements, PLACEMENTS))


def _offsets(sizes: Integers) -> Integers:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _lists(offsets: Integers, columns: Sequence[pa.Array], type: pa.ListType) -> pa.ListArray:
    values = pa.StructArray.from_arrays(list(columns), fields=list(type.value_type))
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, type=type)


def _with(units: pa.Table, spans: pa.ListArray, placements: pa.ListArray) -> pa.Table:
    """The table with two columns replaced, its schema unchanged."""
    target = fields(units.column("target"))
    parts = [spans if one.name == "spans" else target.field(one.name) for one in target.type]
    example = pa.StructArray.from_arrays(parts, fields=list(target.type))
    for name, column in (("target", example), ("placements", placements)):
        place = units.schema.get_field_index(name)
        units = units.set_column(place, UNITS.field(name), column)
    return units
