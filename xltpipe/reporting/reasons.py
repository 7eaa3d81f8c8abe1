"""Reasons: which rule failed how many rows, and what went wrong with those in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

EXAMPLES = 3
"""Texts shown of one kind of error."""

SHOWN = 500
"""Characters shown of an error's text."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows of one language and split that a rule failed.

    `rows` all of them, `first` those that it was the gravest rule for, `alone` those that no
    other rule failed: what loosening it would bring back.
    """

    lang: str
    split: str
    name: str
    rows: int
    first: int
    alone: int


@dataclass(frozen=True, slots=True)
class Fault:
    """Rows in quarantine by stage and kind of error, with some of the texts."""

    lang: str
    split: str
    kind: str
    rows: int
    texts: tuple[str, ...]


def reasons(connection: duckdb.DuckDBPyConnection, run: str) -> list[Reason]:
    """Every reason, most rows first."""
    found = connection.execute(
        """SELECT lang, split, why, count(*) AS n, count(*) FILTER (why = reason),
                  count(*) FILTER (len(reasons) = 1)
           FROM (SELECT lang, split, reason, reasons, unnest(reasons) AS why
                 FROM units WHERE run = $1 AND reason IS NOT NULL)
           GROUP BY ALL ORDER BY n DESC, why, lang, split""",
        [run],
    ).fetchall()
    return [Reason(*row) for row in found]


KIND = "split_part(error, ':', 1) || ':' || split_part(error, ':', 2)"
"""Stage and type of an error, in SQL: the text behind them may differ from row to row."""


def faults(connection: duckdb.DuckDBPyConnection, run: str) -> list[Fault]:
    """Every kind of error in quarantine, most rows first."""
    found = connection.execute(
        f"""SELECT lang, split, {KIND} AS kind, count(*) AS n,
                   list_distinct(arg_min(left(error, {SHOWN}), hash(error), {EXAMPLES}))
           FROM units WHERE run = $1 AND error IS NOT NULL
           GROUP BY ALL ORDER BY n DESC, kind, lang, split LIMIT 100""",  # noqa: S608 - our words
        [run],
    ).fetchall()
    return [
        Fault(lang, split, kind, rows, tuple(sorted(texts)))
        for lang, split, kind, rows, texts in found
    ]


def kind(error: str) -> str:
    """The same of one error."""
    return ":".join([*error.split(":"), "", ""][:2])
