"""Percentile: for each score the threshold beyond which a given share of the run's own rows lies.

It says what is unusual in this run, not what is wrong: a run without faults loses as many rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context
from typing import TYPE_CHECKING, Literal

from xltpipe.deciding import sql
from xltpipe.errors import RecipeError
from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Column, Limits

if TYPE_CHECKING:
    import duckdb

Edge = Literal["min", "max"]

AT_ONCE = 8
"""Columns in one scan: an exact quantile keeps a column in memory (8 MB per million rows)."""

DIGITS = 4
"""Digits of a threshold, rounded so that it drops fewer rows rather than more."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """One edge of one column in one language; `rows` have a score there, `drops` lie beyond."""

    column: str
    lang: str
    edge: Edge
    value: float
    rows: int
    drops: int


def percentiles(
    connection: duckdb.DuckDBPyConnection,
    run: str,
    percent: float,
    own: Mapping[str, Limits],
) -> list[Threshold]:
    """Thresholds of all scores that are known to have a bad side, by language.

    A rule of `own` that asks for the best score there is (no span lost, nothing truncated) is
    not loosened; a threshold that could drop nothing is left out.

    Raises:
        RecipeError: `percent` is not between 0 and 50.
    """
    if not 0 < percent < 50:
        raise RecipeError(f"Percentile must lie between 0 and 50, was: {percent:g}")
    found = sql.expressions(connection, None)
    wanted = [
        (name, edge)
        for name, column in COLUMNS.items()
        if name in found
        for edge in _edges(column, own.get(name))
    ]
    out: list[Threshold] = []
    for start in range(0, len(wanted), AT_ONCE):
        out += _scan(connection, run, wanted[start : start + AT_ONCE], found, percent / 100)
    order = list(COLUMNS)
    return sorted(out, key=lambda t: (order.index(t.column), t.lang, t.edge))


def loosest(thresholds: list[Threshold]) -> dict[str, Limits]:
    """One rule per column, for a recipe has one for all languages: none loses more than asked."""
    out: dict[str, dict[str, float]] = {}
    for t in thresholds:
        edges = out.setdefault(t.column, {})
        pick = min if t.edge == "min" else max
        edges[t.edge] = pick(edges.get(t.edge, t.value), t.value)
    return {name: Limits(**edges) for name, edges in out.items()}


def _edges(column: Column, own: Limits | None) -> list[Edge]:
    """The sides on which a score is known to be bad: by our rule, by others', by the run's."""
    rules = [r for r in (own, column.limits, column.usual) if r is not None]
    strict = any(r.min == column.high or r.max == column.low for r in rules)
    if strict:
        return []
    low: list[Edge] = ["min"] if any(r.min is not None for r in rules) else []
    high: list[Edge] = ["max"] if any(r.max is not None for r in rules) else []
    return low + high


def _scan(
    connection: duckdb.DuckDBPyConnection,
    run: str,
    wanted: list[tuple[str, Edge]],
    found: sql.Expressions,
    share: float,
) -> list[Threshold]:
    asked = ", ".join(
        f"quantile_disc({found[name]}, {sql.number(share if edge == 'min' else 1 - share)}), "
        f"count({found[name]})"
        for name, edge in wanted
    )
    rows = connection.execute(
        f"SELECT lang, {asked} FROM units WHERE run = $1 AND error IS NULL "  # noqa: S608
        "GROUP BY lang ORDER BY lang",
        [run],
    ).fetchall()
    picked = [
        (name, str(lang), edge, _rounded(float(value), edge, COLUMNS[name]), int(count))
        for lang, *values in rows
        for (name, edge), value, count in zip(wanted, values[::2], values[1::2], strict=True)
        if value is not None
    ]
    if not picked:
        return []
    beyond = ", ".join(
        f"count(*) FILTER (lang = ${n} AND {sql.fails(found[name], Limits(**{edge: value}))})"
        for n, (name, _, edge, value, _) in enumerate(picked, 2)
    )
    drops = (
        connection.execute(
            f"SELECT {beyond} FROM units WHERE run = $1 AND error IS NULL",  # noqa: S608 - as above
            [run, *(lang for _, lang, *_ in picked)],
        ).fetchone()
        or ()
    )
    return [Threshold(*p, int(n)) for p, n in zip(picked, drops, strict=True) if n]


def _rounded(value: float, edge: Edge, column: Column) -> float:
    rounding = ROUND_FLOOR if edge == "min" else ROUND_CEILING
    near = float(Context(prec=DIGITS, rounding=rounding).create_decimal_from_float(value))
    return min(max(near, column.low), column.high)
