"""Border: the rows nearest to each threshold on either side, which tell whether it lies well."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from xltpipe.deciding import sql
from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Limits

if TYPE_CHECKING:
    import duckdb

    from xltpipe.deciding.rules import Decision


@dataclass(frozen=True, slots=True)
class Near:
    """A row beside a threshold: `edge` is min or max, `inside` rows pass this rule."""

    column: str
    edge: str
    threshold: float
    inside: bool
    score: float
    lang: str
    split: str
    id: str
    reasons: tuple[str, ...]
    source: Mapping[str, Any]
    target: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Side:
    column: str
    edge: str
    threshold: float
    inside: bool
    value: str

    @property
    def where(self) -> str:
        """Rows of this side; the best score that there can be is near no border."""
        beyond = {
            ("min", False): "<",
            ("min", True): ">=",
            ("max", False): ">",
            ("max", True): "<=",
        }
        test = beyond[self.edge, self.inside]
        out = f"error IS NULL AND {self.value} {test} {sql.number(self.threshold)}"
        best = COLUMNS[self.column].high if self.edge == "min" else COLUMNS[self.column].low
        if self.inside and isfinite(best):
            out += f" AND {self.value} <> {sql.number(best)}"
        return out

    @property
    def distance(self) -> str:
        return f"abs({self.value} - {sql.number(self.threshold)})"


def border(
    connection: duckdb.DuckDBPyConnection,
    run: str,
    decided: Decision,
    rows: int,
    failing: Collection[str],
) -> list[Near]:
    """At most `rows` rows on each side of each threshold of these rules that fails any row.

    Rows at the same distance are taken in the order of a hash of their ids: always the same ones.
    """
    found = sql.expressions(connection, decided.model)
    sides = [
        side
        for name, limits in decided.rules.limits().items()
        if name in found and name in failing
        for side in _sides(name, limits, found[name])
    ]
    if not sides or rows < 1:
        return []
    chosen = _nearest(connection, run, sides, rows)
    whole = _rows(connection, run, sorted({row["id"] for _, row in chosen}))
    return [
        Near(
            side.column,
            side.edge,
            side.threshold,
            side.inside,
            row["score"],
            row["lang"],
            row["split"],
            row["id"],
            *whole[row["lang"], row["split"], row["id"]],
        )
        for side, row in chosen
    ]


def _nearest(
    connection: duckdb.DuckDBPyConnection, run: str, sides: Sequence[_Side], rows: int
) -> list[tuple[_Side, Mapping[str, Any]]]:
    """The nearest rows of each side: first how far they are, then which, for few are so near."""
    far = ", ".join(f"list_max(min({s.distance}, {rows:d}) FILTER ({s.where}))" for s in sides)
    asked = f"SELECT {far} FROM units WHERE run = $1"  # noqa: S608 - see sql.score
    reach = (connection.execute(asked, [run]).fetchall() or [()])[0]
    beyond = {(s.column, s.edge) for s, d in zip(sides, reach, strict=True) if d and not s.inside}
    near = [
        (side, d)
        for side, d in zip(sides, reach, strict=True)
        if d is not None and (side.column, side.edge) in beyond
    ]
    if not near:
        return []
    which = ", ".join(
        f"min_by({{'lang': lang, 'split': split, 'id': id, 'score': {s.value}}}, "
        f"{{'d': {s.distance}, 'h': hash(id)}}, {rows:d}) "
        f"FILTER ({s.where} AND {s.distance} <= {sql.number(d)})"
        for s, d in near
    )
    asked = f"SELECT {which} FROM units WHERE run = $1"  # noqa: S608 - see sql.score
    picked = (connection.execute(asked, [run]).fetchall() or [()])[0]
    return [(s, row) for (s, _), got in zip(near, picked, strict=True) for row in got or ()]


def _sides(column: str, limits: Limits, value: str) -> list[_Side]:
    return [
        _Side(column, edge, threshold, inside, value)
        for edge, threshold in (("min", limits.min), ("max", limits.max))
        if threshold is not None
        for inside in (False, True)
    ]


Whole = tuple[tuple[str, ...], dict[str, Any], dict[str, Any]]


def _rows(
    connection: duckdb.DuckDBPyConnection, run: str, ids: Sequence[str]
) -> dict[tuple[str, str, str], Whole]:
    """Reasons, source and target of the rows with these ids."""
    found = connection.execute(
        """SELECT lang, split, id, reasons, source, target FROM units
           WHERE run = $1 AND id IN (SELECT unnest($2::VARCHAR[]))""",
        [run, list(ids)],
    ).fetchall()
    return {row[:3]: (tuple(row[3]), row[4], row[5]) for row in found}
