"""Tally: what a judged table says of its rows, rules, labels and methods, for the corpus's card.

Columns in, numbers out: rows are never looped over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


def tally(table: pa.Table) -> Counter[str]:
    """Numbers by name, of a table of UNITS with `reasons`; tables' tallies add up.

    `failed:R` rows that rule R failed, `alone:R` those that no other failed; `label:L` spans and
    `class:C` rows in the corpus; `placed:L`, `lost:L`, `lost_by:R` and `method:M` spans of all
    rows that were projected; `texts` the rows' texts.
    """
    if table.num_rows == 0:
        return Counter()
    table = table.combine_chunks()
    reasons = _column(table, "reasons")
    single = pc.equal(pc.list_value_length(reasons), 1)
    kept = table.filter(
        pc.and_(pc.equal(pc.list_value_length(reasons), 0), pc.is_null(_column(table, "error")))
    ).combine_chunks()
    out = _counted("failed", pc.list_flatten(reasons))
    out += _counted("alone", pc.list_flatten(reasons.filter(single)))
    out += _in_corpus(kept) if kept.num_rows else Counter()
    return out + _placed(table)


def _in_corpus(kept: pa.Table) -> Counter[str]:
    target = _column(kept, "target")
    out = _counted(
        "label", pc.struct_field(pc.list_flatten(pc.struct_field(target, "spans")), "label")
    )
    out += _counted("class", pc.struct_field(target, "label"))
    out["texts"] = pc.sum(pc.list_value_length(pc.struct_field(target, "texts"))).as_py()
    return out


def _placed(table: pa.Table) -> Counter[str]:
    """Labels come from the source: a lost span has no target."""
    spans = pc.struct_field(_column(table, "source"), "spans")
    placements = _column(table, "placements")
    found = pc.list_flatten(placements)
    if len(found) == 0:
        return Counter()
    lengths = pc.list_value_length(spans)
    starts = pc.subtract(pc.cumulative_sum(lengths), lengths)
    row = pc.list_parent_indices(placements)
    source = pc.struct_field(found, "source")
    there = pc.less(source, lengths.take(row))  # a span that is not there has no label
    place = pc.if_else(there, pc.add(starts.take(row), source), None)
    labels = pc.struct_field(pc.list_flatten(spans), "label").take(place)
    lost = pc.is_null(pc.struct_field(found, "target"))
    out = _counted("placed", labels.filter(pc.invert(lost)))
    out += _counted("lost", labels.filter(lost))
    out += _counted("lost_by", pc.struct_field(found, "reason"))
    return out + _counted("method", pc.struct_field(found, "method").filter(pc.invert(lost)))


def _column(table: pa.Table, name: str) -> pa.Array:
    return table.column(name).chunk(0)


def _counted(name: str, values: pa.Array) -> Counter[str]:
    found = pc.value_counts(values.drop_null()).to_pylist()
    return Counter({f"{name}:{one['values']}": one["counts"] for one in found})


def named(counts: Mapping[str, int], name: str) -> dict[str, int]:
    """The numbers of one name, the greatest first: `named(counts, "label")` by label."""
    found = {k.split(":", 1)[1]: int(v) for k, v in counts.items() if k.startswith(f"{name}:")}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
