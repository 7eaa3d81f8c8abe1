"""Sampling: some rows of a run, drawn by a seed among those that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from xltpipe.errors import RecipeError
from xltpipe.review.examples import example
from xltpipe.review.rows import State
from xltpipe.types import Example

_CONDITIONS = {
    "kept": "reason IS NULL AND error IS NULL",
    "rejected": "reason IS NOT NULL AND error IS NULL",
    "quarantined": "error IS NOT NULL",
    "all": "true",
}

_BEARS = """(len(list_filter(source.spans, lambda s: s.label = $label)) > 0
    OR len(list_filter(target.spans, lambda s: s.label = $label)) > 0
    OR source.label = $label OR target.label = $label)"""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which rows are asked for; None asks for any."""

    state: State | Literal["all"] = "all"
    reason: str | None = None
    label: str | None = None
    lang: str | None = None
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A row to look at."""

    lang: str
    split: str
    source: Example
    target: Example
    reasons: tuple[str, ...]
    error: str | None
    scores: dict[str, float | None]
    placements: tuple[dict[str, Any], ...]

    @property
    def state(self) -> State:
        if self.error is not None:
            return "quarantined"
        return "rejected" if self.reasons else "kept"


def sample(
    connection: duckdb.DuckDBPyConnection, run: str, filters: Filters, rows: int, seed: int
) -> tuple[list[Sampled], int]:
    """So many rows in the order that the seed draws, and how many there are to draw from.

    Raises:
        RecipeError: the run has no such reason, label, language or split; those it has are named.
    """
    _check(connection, run, filters)
    named = {"reason": "list_contains(reasons, $reason)", "label": _BEARS}
    named |= {name: f"{name} = ${name}" for name in ("lang", "split")}
    wanted = {name: getattr(filters, name) for name in named if getattr(filters, name) is not None}
    where = " AND ".join(["run = $run", _CONDITIONS[filters.state], *(named[n] for n in wanted)])
    values = {"run": run, **wanted}
    counted = connection.execute(f"SELECT count(*) FROM units WHERE {where}", values)  # noqa: S608
    [(total,)] = counted.fetchall()
    drawn = connection.sql(
        f"""SELECT lang, split, source, target, reasons, error, scores, placements FROM units
            WHERE {where} ORDER BY md5(concat_ws(chr(31), lang, split, id, $seed)), lang, split, id
            LIMIT {rows:d}""",  # noqa: S608
        params=values | {"seed": str(seed)},
    ).to_arrow_table()
    return [_sampled(row) for row in drawn.to_pylist()], int(total)


def _sampled(row: dict[str, Any]) -> Sampled:
    return Sampled(
        row["lang"],
        row["split"],
        example(row["source"]),
        example(row["target"]),
        tuple(row["reasons"]),
        row["error"],
        row["scores"] or {},
        tuple(row["placements"]),
    )


_KNOWN = {
    "reason": "SELECT DISTINCT unnest(reasons) FROM units WHERE run = $run",
    "label": """SELECT DISTINCT unnest(list_concat(list_transform(source.spans, lambda s: s.label),
                list_transform(target.spans, lambda s: s.label), [source.label, target.label]))
                FROM units WHERE run = $run""",
    "lang": "SELECT DISTINCT lang FROM units WHERE run = $run",
    "split": "SELECT DISTINCT split FROM units WHERE run = $run",
}


def _check(connection: duckdb.DuckDBPyConnection, run: str, filters: Filters) -> None:
    """A misspelt word would look like a run without such rows."""
    for name, question in _KNOWN.items():
        wanted = getattr(filters, name)
        if wanted is None:
            continue
        known: Sequence[tuple[str | None]] = connection.execute(question, {"run": run}).fetchall()
        names = sorted(word for (word,) in known if word is not None)
        if wanted not in names:
            what = {"lang": "Language"}.get(name, name.capitalize())
            listed = ", ".join(names) or "none"
            raise RecipeError(f"{what} must be one of the run's, {listed}, was: {wanted!r}")
