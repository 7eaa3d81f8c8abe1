"""Labels: what became of the spans of each label, how, and whether the mixture shifted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xltpipe.quality.drift import Drift, drift

if TYPE_CHECKING:
    import duckdb


@dataclass
class Survival:
    """Spans (or whole rows) of one label, in one language and split."""

    label: str
    source: int = 0
    """In all source rows."""
    quarantined: int = 0
    """Of these in rows that met an error before projection placed anything."""
    placed: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    """Spans that projection could not place, by reason."""
    kept: int = 0
    """In kept target rows."""


@dataclass(frozen=True, slots=True)
class Labels:
    """All labels of one language and split, most frequent first; of spans, or of whole rows."""

    lang: str
    split: str
    of: str
    found: tuple[Survival, ...]

    @property
    def drift(self) -> Drift:
        """From all source rows to the kept target rows."""
        source = {one.label: one.source for one in self.found}
        return drift(source, {one.label: one.kept for one in self.found})


@dataclass(frozen=True, slots=True)
class Method:
    """Spans that one method answered for: `rank` is its place in a chain (0: the first)."""

    lang: str
    split: str
    method: str
    rank: int
    spans: int
    placed: int
    score: float | None


def labels(connection: duckdb.DuckDBPyConnection, run: str) -> list[Labels]:
    """What became of each label of spans; then of each label of whole rows, where there are any."""
    found: dict[tuple[str, str], dict[str, Survival]] = {}

    def at(lang: str, split: str, label: str) -> Survival:
        return found.setdefault((lang, split), {}).setdefault(label, Survival(label))

    for lang, split, label, source, bad in connection.execute(_SOURCE, [run]).fetchall():
        at(lang, split, label).source = source
        at(lang, split, label).quarantined = bad
    for lang, split, label, reason, number in connection.execute(_PLACED, [run]).fetchall():
        if reason is None:
            at(lang, split, label).placed = number
        else:
            at(lang, split, label).lost[reason] = number
    for lang, split, label, number in connection.execute(_KEPT, [run]).fetchall():
        at(lang, split, label).kept = number
    spans = [_listed(*where, "spans", one) for where, one in sorted(found.items())]
    return spans + _whole(connection, run)


def _whole(connection: duckdb.DuckDBPyConnection, run: str) -> list[Labels]:
    found: dict[tuple[str, str], dict[str, Survival]] = {}
    for lang, split, label, source, bad, kept in connection.execute(_ROWS, [run]).fetchall():
        one = Survival(label, source, bad, kept=kept)
        found.setdefault((lang, split), {})[label] = one
    return [_listed(*where, "rows", one) for where, one in sorted(found.items())]


def _listed(lang: str, split: str, of: str, found: dict[str, Survival]) -> Labels:
    ordered = sorted(found.values(), key=lambda one: (-one.source, -one.kept, one.label))
    return Labels(lang, split, of, tuple(ordered))


def methods(connection: duckdb.DuckDBPyConnection, run: str) -> list[Method]:
    """What each method of projection answered for, in the order of the chain."""
    found = connection.execute(
        """SELECT lang, split, method, rank, count(*) AS n, count(*) FILTER (reason IS NULL),
                  avg(score) FROM spans WHERE run = $1
           GROUP BY ALL ORDER BY lang, split, rank, n DESC, method""",
        [run],
    ).fetchall()
    return [Method(*row) for row in found]


_SOURCE = """
SELECT lang, split, s.label, count(*), count(*) FILTER (error IS NOT NULL AND bare)
FROM (SELECT lang, split, error, len(placements) = 0 AS bare, unnest(source.spans) AS s
      FROM units WHERE run = $1)
GROUP BY ALL"""
_PLACED = """
SELECT lang, split, label, reason, count(*) FROM spans WHERE run = $1 GROUP BY ALL"""
_KEPT = """
SELECT lang, split, s.label, count(*)
FROM (SELECT lang, split, unnest(target.spans) AS s FROM kept WHERE run = $1) GROUP BY ALL"""
_ROWS = """
SELECT lang, split, source.label, count(*), count(*) FILTER (error IS NOT NULL),
       count(*) FILTER (reason IS NULL AND error IS NULL)
FROM units WHERE run = $1 AND source.label IS NOT NULL GROUP BY ALL"""
