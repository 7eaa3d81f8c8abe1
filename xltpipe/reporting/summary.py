"""Summary: a run's essentials as Markdown and as rows of tables, for whoever shows runs."""

from __future__ import annotations

import re

from xltpipe.languages import resolve
from xltpipe.reporting.findings import Essentials
from xltpipe.reporting.funnel import Part
from xltpipe.visible import visible

ERRORS = 5
"""Kinds of errors that are listed."""


def markdown(found: Essentials) -> str:
    """The funnel with its sum, the errors and the results."""
    run = found.run
    lines = [
        f"# {escaped(run.id)}",
        "",
        f"**{escaped(run.state)}**, {run.started} – {run.ended or ''}",
        "",
        *([f"**Stopped by** {escaped(run.error)}", ""] if run.error else []),
        *_funnel(found),
        *_faults(found),
        *_results(found),
        "",
        f"The whole report: `xltpipe report {run.id}`",
        "",
    ]
    return "\n".join(lines)


def _funnel(found: Essentials) -> list[str]:
    if not found.parts:
        return ["This run labelled no rows.", ""]
    head = ["| corpus | read | kept | rejected | quarantined | |", "|---|--:|--:|--:|--:|---|"]
    rows = [
        f"| {resolve(p.lang).name}, {p.split} | {p.read:,} | {p.kept:,} | {p.rejected:,} "
        f"| {p.quarantined:,} | {_sound(p)} |"
        for p in found.parts
    ]
    return [*head, *rows, ""]


def _sound(part: Part) -> str:
    if part.missing or part.astray:
        return f"**{abs(part.missing) + abs(part.astray):,} rows not accounted for**"
    return "read = kept + rejected + quarantined"


def _faults(found: Essentials) -> list[str]:
    listed = [
        f"- {f.rows:,} in quarantine: {escaped(' / '.join(f.texts[:1]))}"
        for f in found.faults[:ERRORS]
    ]
    left = len(found.faults) - ERRORS
    return [*listed, *([f"- {left:,} more kinds of errors"] if left > 0 else []), ""]


def _results(found: Essentials) -> list[str]:
    """Each number with its signature."""
    return [f"- {row['value']:.4f} = `{row['signature']}`" for row in found.results]


def escaped(given: str) -> str:
    """A text from data as Markdown that shows it on one line, with nothing of it obeyed."""
    line = " ".join(visible(given).split())
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&-])", r"\\\1", line)


def reasons(found: Essentials) -> list[dict[str, str | int]]:
    """One row of a table per reason, language and split."""
    return [
        {
            "reason": one.name,
            "corpus": f"{resolve(one.lang).name}, {one.split}",
            "rows": one.rows,
            "first": one.first,
            "alone": one.alone,
        }
        for one in found.reasons
    ]


def results(found: Essentials) -> list[dict[str, str | float]]:
    """One row of a table per score."""
    return [
        {
            "target": row["lang"],
            "test": row["test"],
            "strategy": row["strategy"],
            row["metric"]: round(row["value"], 4),
            "signature": row["signature"],
        }
        for row in found.results
    ]


def scores(found: Essentials) -> list[dict[str, str | float]]:
    """One row of a table per language, test and metric; a column per strategy, "" for none."""
    strategies = sorted({row["strategy"] for row in found.results})
    rows: dict[tuple[str, ...], dict[str, str | float]] = {}
    for one in found.results:
        place = (one["lang"], one["test"], one["metric"])
        blank: dict[str, str | float] = {
            "language": resolve(one["lang"]).name,
            "test": one["test"],
            "metric": one["metric"],
            **dict.fromkeys(strategies, ""),
        }
        rows.setdefault(place, blank)[one["strategy"]] = round(one["value"], 4)
    return [rows[place] for place in sorted(rows)]
