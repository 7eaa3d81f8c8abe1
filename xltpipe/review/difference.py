"""Difference: two runs row by row; rows are the same by language, split and id.

The catalogue finds the rows that differ by hashes of their parts; only these are then read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from xltpipe.review.examples import example
from xltpipe.review.spans import CHANGES, Change, changes, changes_of_texts
from xltpipe.types import Example

KINDS = ("gained", "lost", "state", "reasons", "source", "text", "spans", "label", "masked")
"""How a row may differ: only in B, only in A, kept or not, rules that failed, and its content."""

_BATCH = 1000

_STATE = """CASE WHEN error IS NOT NULL THEN 'quarantined'
    WHEN reason IS NOT NULL THEN 'rejected' ELSE 'kept' END"""

# 64 bits a part: among a million rows a change would go unseen once in 10^13 comparisons
_SIDE = f"""
SELECT lang, split, id, {_STATE} AS state, coalesce(error, reason) AS why,
       hash(list_sort(reasons)) AS reasons, hash(source.texts) AS source,
       hash(target.texts) AS text, hash(list_sort(target.spans)) AS spans,
       hash(target.label) AS label, hash(target.masked) AS masked
FROM units WHERE run = ?
"""  # noqa: S608 - no value stands in it

_DIFFERENT = """
CREATE OR REPLACE TEMP TABLE compared AS
SELECT lang, split, id, a.state AS state_a, b.state AS state_b, a.why AS why_a, b.why AS why_b,
       a.state IS NULL AS gained, b.state IS NULL AS lost,
       a.state <> b.state AS state,
       a.state = b.state AND a.state = 'rejected' AND a.reasons <> b.reasons AS reasons,
       a.source <> b.source AS source, a.text <> b.text AS text, a.spans <> b.spans AS spans,
       a.label IS DISTINCT FROM b.label AND a.state IS NOT NULL AND b.state IS NOT NULL AS label,
       a.masked <> b.masked AS masked
FROM ({side}) AS a FULL JOIN ({side}) AS b USING (lang, split, id)
"""

_ANY = " OR ".join(f"coalesce({kind}, false)" for kind in KINDS)

_READ = """
SELECT c.lang, c.split, c.id, {kinds}, a.source AS source_a, a.target AS target_a,
       a.reason AS reason_a, a.reasons AS reasons_a, a.error AS error_a,
       b.source AS source_b, b.target AS target_b,
       b.reason AS reason_b, b.reasons AS reasons_b, b.error AS error_b
FROM {wanted} AS c
LEFT JOIN (FROM units WHERE run = ?) AS a USING (lang, split, id)
LEFT JOIN (FROM units WHERE run = ?) AS b USING (lang, split, id)
"""


@dataclass(frozen=True, slots=True)
class Side:
    """A row as one run has it."""

    source: Example
    target: Example
    reasons: tuple[str, ...]
    error: str | None

    @property
    def state(self) -> str:
        return "quarantined" if self.error is not None else "rejected" if self.reasons else "kept"


@dataclass(frozen=True, slots=True)
class Differing:
    """A row that differs: how (`kinds`), as each run has it, and what became of its spans."""

    lang: str
    split: str
    id: str
    kinds: tuple[str, ...]
    a: Side | None
    b: Side | None
    spans: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs in numbers: rows by language and split, turns of verdict, spans by label."""

    rows: list[dict[str, Any]]
    turns: list[dict[str, Any]]
    spans: list[dict[str, Any]]

    @property
    def differing(self) -> int:
        return sum(row["differing"] for row in self.rows)


def difference(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> Difference:
    """Compare run B with run A; afterwards `differing` and `sampled` read the rows."""
    connection.execute(_DIFFERENT.format(side=_SIDE), [a, b])
    return Difference(_rows(connection), _turns(connection), _spans(connection, a, b))


def _rows(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    counted = ", ".join(f'count(*) FILTER ({kind}) AS "{kind}"' for kind in KINDS)
    return _dicts(
        connection,
        f"""SELECT lang, split, count(*) FILTER (NOT gained) AS a,
                   count(*) FILTER (NOT lost) AS b, count(*) FILTER ({_ANY}) AS differing,
                   {counted} FROM compared GROUP BY ALL ORDER BY ALL""",  # noqa: S608
    )


def _turns(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    return _dicts(
        connection,
        """SELECT state_a AS a, why_a, state_b AS b, why_b, count(*) AS rows FROM compared
           WHERE state OR reasons OR gained OR lost GROUP BY ALL
           ORDER BY rows DESC, a, why_a, b, why_b""",
    )


def _spans(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> list[dict[str, Any]]:
    """What became of spans, by label; of rows that both runs have."""
    counts: dict[str, Counter[str]] = {}
    where = "(SELECT * FROM compared WHERE spans AND NOT gained AND NOT lost)"
    for row in _read(connection, a, b, where):
        if row.a is None or row.b is None:
            continue
        for change in row.spans:
            span = row.b.target.spans[change.after] if change.after is not None else None
            old = row.a.target.spans[change.before] if change.before is not None else None
            label = old.label if old is not None else span.label if span is not None else ""
            if change.kind == "relabelled" and span is not None:
                label = f"{label} → {span.label}"
            counts.setdefault(label, Counter())[change.kind] += 1
    return [
        {"label": label, **{kind: counts[label][kind] for kind in CHANGES}}
        for label in sorted(counts)
        if any(counts[label][kind] for kind in CHANGES)
    ]


def differing(connection: duckdb.DuckDBPyConnection, a: str, b: str) -> Iterator[Differing]:
    """Every row that differs, in order of language, split and id."""
    keys = f"(SELECT * FROM compared WHERE {_ANY})"  # noqa: S608
    yield from _read(connection, a, b, keys, " ORDER BY ALL")


def sampled(
    connection: duckdb.DuckDBPyConnection, a: str, b: str, rows: int, seed: int
) -> list[Differing]:
    """So many rows that differ, of each kind of difference in turn; the same for the same seed."""
    kinds = ", ".join(KINDS)
    keys = f"""(SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {kinds} ORDER BY
        md5(concat_ws(chr(31), lang, split, id, '{seed:d}'))) AS turn FROM compared WHERE {_ANY})
        ORDER BY turn, md5(concat_ws(chr(31), id, '{seed:d}')), lang, split, id LIMIT {rows:d})"""  # noqa: S608
    return list(_read(connection, a, b, keys, " ORDER BY turn, lang, split, id"))


def _read(
    connection: duckdb.DuckDBPyConnection, a: str, b: str, wanted: str, order: str = ""
) -> Iterator[Differing]:
    kinds = ", ".join(f"coalesce(c.{kind}, false) AS {kind}" for kind in KINDS)
    question = _READ.format(kinds=kinds, wanted=wanted) + order
    for batch in connection.sql(question, params=[a, b]).to_arrow_reader(_BATCH):
        for row in batch.to_pylist():
            yield _differing(row)


def _differing(row: Mapping[str, Any]) -> Differing:
    kinds = tuple(kind for kind in KINDS if row[kind])
    a, b = (_side(row, name) for name in ("a", "b"))
    found: list[Change] = []
    if a is not None and b is not None:
        compare = changes_of_texts if row["text"] else _changes
        found = [c for c in compare(a.target, b.target) if c.kind != "same"]
    return Differing(row["lang"], row["split"], row["id"], kinds, a, b, tuple(found))


def _changes(before: Example, after: Example) -> list[Change]:
    return changes(before.spans, after.spans)


def _side(row: Mapping[str, Any], name: str) -> Side | None:
    if row[f"target_{name}"] is None:
        return None
    source, target = example(row[f"source_{name}"]), example(row[f"target_{name}"])
    return Side(source, target, tuple(row[f"reasons_{name}"]), row[f"error_{name}"])


def _dicts(connection: duckdb.DuckDBPyConnection, question: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.sql(question).to_arrow_table().to_pylist()
    return found
