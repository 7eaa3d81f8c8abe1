"""The choice of the row that stays of each group of duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.duplicates import Duplicates, Marks, numbers
from xltpipe.quality.keys import Ints

Sides = tuple[Ints, Ints]
"""Of each row with company the number of its conflict (-1: none) and of its labels in there."""

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
        pa.field("label_conflict", pa.float64(), nullable=False),
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

    Of an exact group the best row stays, and the best of those that contradict it. In a near
    group, from the best row on, a row stays if its similarity to those that stay (and do not
    contradict it) is below the threshold: a chain of small steps does not take with it what lies
    far apart.
    """
    place, rank = _members(groups, standing)
    sides = _sides(groups, place, len(rank))
    duplicate, near = np.zeros(len(rank)), np.zeros(len(rank))
    kept = np.arange(len(rank))
    for kind in ("near", "exact"):
        own, here = _of(groups, kind)
        if not own.num_rows:
            continue
        for members in _grouped(own.column("group").to_numpy()):
            rows = place[here[members]]
            order = np.argsort(rank[rows], kind="stable")
            rows = rows[order]
            if kind == "exact":
                first = _first_like(rows, sides)
                copies = first != rows
                duplicate[rows[copies]] = 1.0
                near[rows[copies]] = near[first[copies]]  # beside the row that it equals
                kept[rows[copies]] = first[copies]
            else:
                marks = numbers(own.column("signature").take(members[order]).combine_chunks())
                near[rows], kept[rows] = _sorted_out(marks, rows, sides, settings.threshold)
    conflict = (sides[0] >= 0).astype(np.float64)
    return _choices(groups, place, (conflict, duplicate, near), kept)


def conflicts(groups: pa.Table, rows: pa.Array) -> Floats:
    """The column `label_conflict` of some rows of one shard, given the GROUPS of this shard."""
    own, _ = _of(groups, "conflict")
    found = pc.is_in(rows, value_set=own.column("row").combine_chunks())
    return np.asarray(found.to_numpy(zero_copy_only=False), np.float64)


def _of(groups: pa.Table, kind: str) -> tuple[pa.Table, Ints]:
    """The rows of one kind, and their places."""
    here = pc.equal(groups.column("kind"), kind).to_numpy().astype(np.bool_)
    places = np.flatnonzero(here)
    return groups.take(places), places


def _sides(groups: pa.Table, place: Ints, count: int) -> Sides:
    conflict, labels = np.full(count, -1), np.full(count, -1)
    own, here = _of(groups, "conflict")
    conflict[place[here]] = own.column("group").to_numpy()
    labels[place[here]] = own.column("labels").to_numpy()
    return conflict, labels


def _against(row: int, others: Ints, sides: Sides) -> Mask:
    """Which of the others contradict this row."""
    conflict, labels = sides
    same = (conflict[others] == conflict[row]) & (conflict[row] >= 0)
    return np.asarray(same & (labels[others] != labels[row]), np.bool_)


def _first_like(rows: Ints, sides: Sides) -> Ints:
    """For each of equal rows, best first, the best that does not contradict it: maybe itself."""
    if (sides[0][rows] < 0).all():
        return np.full(len(rows), rows[0])
    first = rows.copy()
    staying = rows[:1]
    for k in range(1, len(rows)):
        agreeing = staying[~_against(rows[k], staying, sides)]
        if len(agreeing):
            first[k] = agreeing[0]
        else:
            staying = np.append(staying, rows[k])
    return first


def _sorted_out(marks: Marks, rows: Ints, sides: Sides, threshold: float) -> tuple[Floats, Ints]:
    """Similarity of each row, best first, to the nearest one that stays, and which that is."""
    alike, kept = np.zeros(len(rows)), rows.copy()
    staying, theirs = np.zeros(len(rows), np.int64), np.empty_like(marks)
    count = 0
    for k in range(len(rows)):
        if count:
            same = np.count_nonzero(theirs[:count] == marks[k], axis=1)
            if sides[0][rows[k]] >= 0:
                same[_against(rows[k], rows[staying[:count]], sides)] = 0
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
    columns: Sequence[Floats],
    kept: Ints,
) -> pa.Table:
    if not len(place):
        return CHOICES.empty_table()
    first = np.full(len(kept), -1)
    first[place[::-1]] = np.arange(len(place))[::-1]
    shard = groups.column("shard").take(first).combine_chunks()
    row = groups.column("row").take(first).combine_chunks()
    best = pa.array(kept)
    told = [shard, row, *map(pa.array, columns), shard.take(best), row.take(best)]
    return pa.Table.from_arrays(told, schema=CHOICES)
