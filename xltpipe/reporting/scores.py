"""Scores: how each is distributed, and what lies outside its limits; counted where the data lies.

Memory does not grow with the corpus: DuckDB scans the files a few times and keeps only counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from xltpipe.quality.column import Limits

BINS = 40
FINE = 400
"""Bins counted, of which ten make one that is drawn; the median is as exact as one of these."""

TAIL = 0.005
"""Share of rows on each side that may lie outside the picture, so that the rest is seen."""

ZOOMS = 4
"""Times that the picture may be drawn closer, each at least twice as close."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows with a score from `low` up to `high`, kept or dropped."""

    low: float
    high: float
    kept: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The scores of one column: `rows` have one, `without` have none (it has no meaning there).

    `below` and `above` are rows left and right of the bins, `outside` rows outside the limits
    (0 where there are none). `least` and `most` are over all rows, whatever the bins show.
    """

    name: str
    rows: int
    without: int
    least: float
    most: float
    median: float
    outside: int
    below: int
    above: int
    bins: tuple[Bin, ...]


@dataclass(slots=True)
class _View:
    low: float
    high: float
    below: int = 0
    above: int = 0
    bins: tuple[tuple[int, int], ...] = ()
    """Kept and dropped rows of each fine bin."""
    done: bool = False
    wider: tuple[float, float] | None = None
    """The last picture in which rows were not all in one bin."""

    @property
    def filled(self) -> int:
        return sum(kept + dropped > 0 for kept, dropped in self.bins)


def distributions(
    connection: duckdb.DuckDBPyConnection, run: str, limits: dict[str, Limits]
) -> list[Distribution]:
    """Of each score that any row has, in the order of the columns."""
    names = _names(connection)
    total, extremes = _extremes(connection, run, names, limits)
    views = {name: _View(e[1], e[2]) for name, e in extremes.items() if e[0]}
    for _ in range(ZOOMS):
        todo = {name: view for name, view in views.items() if not view.done}
        if not todo:
            break
        _count(connection, run, todo)
        for view in todo.values():
            _zoom(view)
    _count(connection, run, {name: view for name, view in views.items() if not view.done})
    close = {name: view for name, view in views.items() if view.filled < 2 and view.wider}
    for view in close.values():  # nearly all rows have one value: the others are the news
        view.low, view.high = view.wider or (view.low, view.high)
    _count(connection, run, close)
    medians = _medians(connection, run, views)
    return [
        _distribution(name, total, extremes[name], view, medians[name])
        for name, view in views.items()
    ]


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    table = connection.sql("SELECT scores FROM units LIMIT 0").to_arrow_table()
    return [field.name for field in table.schema.field("scores").type]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _extremes(
    connection: duckdb.DuckDBPyConnection, run: str, names: list[str], limits: dict[str, Limits]
) -> tuple[int, dict[str, tuple[int, float, float, int]]]:
    """All rows; and of each column: rows with a score, least, most, rows outside the limits."""
    asked = []
    for name in names:
        column, rule = f"scores.{_quoted(name)}", limits.get(name)
        outside = []
        if rule is not None and rule.min is not None:
            outside.append(f"{column} < {rule.min!r}::DOUBLE")
        if rule is not None and rule.max is not None:
            outside.append(f"({column} > {rule.max!r}::DOUBLE AND NOT isnan({column}))")
        where = " OR ".join(outside) or "false"
        real = f"FILTER (isfinite({column}))"
        asked.append(
            f"count({column}) {real}, min({column}) {real}, max({column}) {real}, "
            f"count(*) FILTER ({where})"
        )
    sql = f"SELECT {', '.join(['count(*)', *asked])} FROM units WHERE run = $1"  # noqa: S608
    row = connection.execute(sql, [run]).fetchall()[0]
    each = {name: tuple(row[1 + 4 * n : 5 + 4 * n]) for n, name in enumerate(names)}
    return row[0], each


def _count(connection: duckdb.DuckDBPyConnection, run: str, views: dict[str, _View]) -> None:
    """Fill the bins of all views in one scan."""
    if not views:
        return
    cases = [
        f"{{'name': '{name.replace(chr(39), chr(39) * 2)}', 'bin': {_bin(name, view)}}}"
        for name, view in views.items()
    ]
    sql = f"""SELECT one.name, one.bin, count(*) FILTER (kept), count(*) FILTER (NOT kept)
        FROM (SELECT reason IS NULL AND error IS NULL AS kept, unnest([{", ".join(cases)}]) AS one
              FROM units WHERE run = $1)
        WHERE one.bin IS NOT NULL GROUP BY ALL"""  # noqa: S608 - names of columns, quoted
    found: dict[str, dict[int, tuple[int, int]]] = {}
    for name, place, kept, dropped in connection.execute(sql, [run]).fetchall():
        found.setdefault(name, {})[place] = (kept, dropped)
    for name, view in views.items():
        at = found.get(name, {})
        view.below, view.above = sum(at.get(-1, (0, 0))), sum(at.get(FINE, (0, 0)))
        view.bins = tuple(at.get(n, (0, 0)) for n in range(FINE))


def _bin(name: str, view: _View) -> str:
    """SQL for the number of the bin: -1 below all, FINE above; the last holds its upper edge."""
    column = f"scores.{_quoted(name)}"
    width = (view.high - view.low) / FINE or 1.0
    place = f"least(floor(({column} - {view.low!r}::DOUBLE) / {width!r}::DOUBLE), {FINE - 1})"
    return (
        f"CASE WHEN NOT isfinite({column}) OR {column} IS NULL THEN NULL "
        f"WHEN {column} < {view.low!r}::DOUBLE THEN -1 "
        f"WHEN {column} > {view.high!r}::DOUBLE THEN {FINE} ELSE {place}::INTEGER END"
    )


def _zoom(view: _View) -> None:
    """Draw closer if nearly all rows lie in less than half of the picture."""
    total = view.below + view.above + sum(map(sum, view.bins))
    width = (view.high - view.low) / FINE
    if view.filled > 1:
        view.wider = view.low, view.high
    first = _reached(view, TAIL * total)
    last = _reached(view, (1 - TAIL) * total)
    if last - first + 1 > FINE // 2 or not width:
        view.done = True
        return
    view.low, view.high = view.low + first * width, view.low + (last + 1) * width


def _medians(
    connection: duckdb.DuckDBPyConnection, run: str, views: dict[str, _View]
) -> dict[str, float]:
    """Of each column the least score in the fine bin that holds the median."""
    if not views:
        return {}
    asked = []
    for name, view in views.items():
        rows = view.below + view.above + sum(map(sum, view.bins))
        asked.append(
            f"min(scores.{_quoted(name)}) FILTER ({_bin(name, view)} = {_reached(view, rows / 2)})"
        )
    sql = f"SELECT {', '.join(asked)} FROM units WHERE run = $1"  # noqa: S608 - quoted names
    row = connection.execute(sql, [run]).fetchall()[0]
    return dict(zip(views, row, strict=True))


def _reached(view: _View, rows: float) -> int:
    """The bin in which the count from the left reaches so many rows."""
    at = view.below
    for n, pair in enumerate(view.bins):
        at += sum(pair)
        if at >= rows:
            return n
    return FINE - 1


def _distribution(
    name: str,
    total: int,
    extremes: tuple[int, float, float, int],
    view: _View,
    median: float,
) -> Distribution:
    rows, least, most, outside = extremes
    width = (view.high - view.low) / FINE
    step = FINE // BINS
    bins = []
    for n in range(0, FINE, step):
        some = view.bins[n : n + step]
        kept, dropped = sum(k for k, _ in some), sum(d for _, d in some)
        low = view.low + n * width
        bins.append(Bin(low, low + step * width, kept, dropped))
    if isclose(view.low, view.high):  # one value: a bar of some width
        edge = abs(view.low) * 0.05 or 0.5
        one = bins[0]
        bins = [Bin(view.low - edge, view.low + edge, one.kept, one.dropped)]
    return Distribution(
        name,
        rows,
        total - rows,
        least,
        most,
        median,
        outside,
        view.below,
        view.above,
        tuple(bins),
    )
