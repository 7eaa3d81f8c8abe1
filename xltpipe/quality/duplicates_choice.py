"""The choice of the row that stays of each group of duplicates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xltpipe.quality.batch import Ints
from xltpipe.quality.column import Floats
from xltpipe.quality.duplicates import Duplicates, Marks, numbers

STANDING = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("passes", pa.bool_(), nullable=False),
        pa.field("placed", pa.float64()),
        pa.field("log_probability", pa.float64()),
        pa.field("length", pa.float64()),
    ]
)
"""What rows are compared by, the gravest first: `passes` all other rules, spans `placed` (number
or share), the engine's log-probability, length of the target. NULL is worse than any number."""

CHOICES = pa.schema(
    [
        pa.field("shard", pa.int32(), nullable=False),
        pa.field("row", pa.int32(), nullable=False),
        pa.field("duplicate", pa.float64(), nullable=False),
        pa.field("near_duplicate", pa.float64(), nullable=False),
        pa.field("kept_shard", pa.int32(), nullable=False),
        pa.field("kept_row", pa.int32(), nullable=False),
    ]
)
"""One row per row with company, in order; `kept` is the better one that it is a copy of (the equal
one if there is one, else the nearest), or the row itself."""


def choose(groups: pa.Table, standing: Iterable[pa.Table], settings: Duplicates) -> pa.Table:
    """The CHOICES for all rows of GROUPS, given the STANDING of at least these rows.

    Of an exact group the best row stays. In a near group, from the best row on, a row stays if
    its similarity to those that stay is below the threshold: a chain of small steps does not
    take with it what lies far apart.
    """
    place, rank = _members(groups, standing)
    count = len(rank)
    duplicate, near = np.zeros(count), np.zeros(count)
    kept = np.arange(count)
    kinds = groups.column("kind").to_pylist()
    for kind in ("near", "exact"):
        here = np.flatnonzero(np.array([k == kind for k in kinds], np.bool_))
        if not len(here):
            continue
        own = groups.take(here)
        for members in _grouped(own.column("group").to_numpy()):
            rows = place[here[members]]
            order = np.argsort(rank[rows], kind="stable")
            rows = rows[order]
            if kind == "exact":
                duplicate[rows[1:]] = 1.0
                near[rows[1:]] = near[rows[0]]  # beside the row that it equals
                kept[rows[1:]] = rows[0]
            else:
                marks = numbers(own.column("signature").take(members[order]).combine_chunks())
                near[rows], kept[rows] = _sorted_out(marks, rows, settings.threshold)
    return _choices(groups, place, duplicate, near, kept)


def _sorted_out(marks: Marks, rows: Ints, threshold: float) -> tuple[Floats, Ints]:
    """Similarity of each row, best first, to the nearest one that stays, and which that is."""
    alike, kept = np.zeros(len(rows)), rows.copy()
    staying, theirs = np.zeros(len(rows), np.int64), np.empty_like(marks)
    count = 0
    for k in range(len(rows)):
        if count:
            same = np.count_nonzero(theirs[:count] == marks[k], axis=1)
            best = int(same.argmax())
            alike[k] = same[best] / marks.shape[1]
            if alike[k] >= threshold:
                kept[k] = rows[staying[best]]
                continue
        staying[count], theirs[count] = k, marks[k]
        count += 1
    return alike, kept


def _members(groups: pa.Table, standing: Iterable[pa.Table]) -> tuple[Ints, Ints]:
    """Of each row of GROUPS its number among all rows with company, and those rows' ranks."""
    keys = _keys(groups)
    members, place = np.unique(keys, return_inverse=True)
    parts = [table.filter(pa.array(np.isin(_keys(table), members))) for table in standing]
    known = pa.concat_tables([STANDING.empty_table(), *parts])
    known = known.take(np.argsort(_keys(known), kind="stable"))
    if not np.array_equal(_keys(known), members):
        raise ValueError("standing must have each row of the groups once")
    values = [
        pc.fill_null(known.column(name), -np.inf).to_numpy().astype(np.float64)
        for name in ("length", "log_probability", "placed")
    ]
    passes = known.column("passes").to_numpy().astype(np.float64)
    # lexsort sorts by its last key first; what is equal stays in order
    order = np.lexsort([-np.nan_to_num(v, nan=-np.inf) for v in (*values, passes)])
    rank = np.empty(len(members), np.int64)
    rank[order] = np.arange(len(members))
    return place, rank


def _keys(table: pa.Table) -> Ints:
    shard = table.column("shard").to_numpy().astype(np.int64)
    return np.asarray((shard << 32) | table.column("row").to_numpy().astype(np.int64))


def _grouped(group: Ints) -> list[Ints]:
    """The places of each group's members."""
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order])) + 1
    return np.split(order, edges)


def _choices(
    groups: pa.Table,
    place: Ints,
    duplicate: Floats,
    near: Floats,
    kept: Ints,
) -> pa.Table:
    if not len(place):
        return CHOICES.empty_table()
    first = np.full(len(kept), -1)
    first[place[::-1]] = np.arange(len(place))[::-1]
    shard = groups.column("shard").take(first).combine_chunks()
    row = groups.column("row").take(first).combine_chunks()
    columns = [shard, row, duplicate, near, shard.take(pa.array(kept)), row.take(pa.array(kept))]
    return pa.Table.from_arrays([pa.array(c) for c in columns], schema=CHOICES)
