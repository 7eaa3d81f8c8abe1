"""What the terminal shows: tables, scores, and pairs of texts with coloured spans."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xltpipe.cli.made_models import models
from xltpipe.compared.sequence import told
from xltpipe.compared.transfer import Transfer, caption, grid, of_run
from xltpipe.evaluation.statistics import interval_in
from xltpipe.reporting.counts import PRICE, in_words

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from xltpipe.estimate import Estimate
    from xltpipe.plan import Planned
    from xltpipe.recipe import Recipe
    from xltpipe.store import Store

_RATIOS = ("precision", "recall")

COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")

# A pipe gets whole lines: folding them to 80 columns would break what reads them.
console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)


def table(rows: pa.Table, limit: int = 1000) -> None:
    """Print an Arrow table; more than `limit` rows are cut, and that is said."""
    shown = Table(box=None, header_style="bold")
    for name in rows.column_names:
        shown.add_column(name, overflow="fold")
    for row in rows.slice(0, limit).to_pylist():
        shown.add_row(*(Text(_cell(value)) for value in row.values()))
    console.print(shown)
    if rows.num_rows > limit:
        console.print(f"… {rows.num_rows - limit} more rows")


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def plan(recipe: Recipe, stages: Sequence[Planned], estimate: Estimate | None) -> None:
    """Print stages with what is done, and the estimate."""
    shown = Table(title=f"run {recipe.run}", box=None, header_style="bold", title_justify="left")
    for name in ("strategy", "target", "stage", "shards", "done", "rows to do"):
        shown.add_column(name)
    for p in stages:
        rows = "depends on earlier stages" if p.rows is None else str(p.rows)
        shown.add_row(p.strategy, p.target, p.stage, str(p.shards), str(p.done), rows)
    console.print(shown)
    todo = sum(p.shards - p.done for p in stages)
    if not todo:
        console.print("nothing to do: everything is on the shelf")
    elif estimate is not None:
        _estimate(estimate)


def _estimate(estimate: Estimate) -> None:
    said = [f"to translate: {estimate.rows} rows", f"about {estimate.tokens} tokens"]
    if estimate.seconds is None:
        said.append("time not known before the first answers")
    else:
        said.append(f"about {duration(estimate.seconds)}")
    if estimate.price is not None:
        said.append(f"about {estimate.price:.4f} {estimate.currency}")
    how = "a sample was translated to tell" if estimate.sampled else "nothing was sent to tell"
    console.print(f"{', '.join(said)} ({how})")
    if estimate.budget is not None:
        console.print(f"[yellow]this goes beyond {estimate.budget}[/]: the run will stop before")


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def scores(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print results side by side, each with its signature below."""
    spans = all(row["metric"] == "span_f1" for row in rows)
    heads = ["target", "test", "strategy", *([] if spans else ["metric"])]
    heads += ["F1" if spans else "score", *(_RATIOS if spans else ()), "95 %"]
    shown = Table(box=None, header_style="bold")
    for name in heads:
        left = name in {"target", "test", "strategy", "metric"}
        shown.add_column(name, justify="left" if left else "right")
    for row in rows:
        details = dict(row["details"])
        ends = interval_in(details)
        shown.add_row(
            row["lang"],
            row["test"],
            row["strategy"],
            *(() if spans else (row["metric"],)),
            f"{row['value']:.4f}",
            *(f"{details.get(name, float('nan')):.4f}" for name in (_RATIOS if spans else ())),
            "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}",
        )
    console.print(shown)
    for row in rows:
        console.print(Text(f"  {row['signature']} = {row['value']:.4f}", style="dim"))


def run(
    connection: duckdb.DuckDBPyConnection, store: Store, wanted: str, rows: int, seed: int
) -> None:
    """Print all that a person wants to see of a run first."""
    from xltpipe.reporting.run import find

    found = find(connection, wanted)
    name, error = found.id, found.error
    console.print(f"[bold]{name}[/] {found.state}, {found.started} – {found.ended or ''}")
    if error:
        console.print(Text(error, style="red"))
    summary(connection, name)
    for line in models(store, name):
        console.print(line, markup=False, soft_wrap=True)
    _pairs(connection, name, rows, seed)


def summary(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Print the funnel, the reasons and the scores of a run."""
    funnel = connection.sql(
        """SELECT lang, split, count(*) AS "in",
                  count(*) FILTER (reason IS NULL AND error IS NULL) AS kept,
                  count(*) FILTER (reason IS NOT NULL) AS rejected,
                  count(*) FILTER (error IS NOT NULL) AS quarantined,
                  count(*) FILTER (truncated) AS truncated
           FROM units WHERE run = $1 GROUP BY ALL ORDER BY ALL""",
        params=[name],
    ).to_arrow_table()
    if funnel.num_rows:
        table(funnel)
    reasons = connection.sql(
        """SELECT lang, split, reason AS rejected_by, count(*) AS rows FROM rejected
           WHERE run = $1 GROUP BY ALL ORDER BY rows DESC, lang, split, reason""",
        params=[name],
    ).to_arrow_table()
    if reasons.num_rows:
        table(reasons)
    _counted(connection, name)
    results = (
        connection.sql(
            """SELECT lang, test, strategy, metric, value, signature, details FROM results
           WHERE run = $1 ORDER BY lang, test, value DESC""",
            params=[name],
        )
        .to_arrow_table()
        .to_pylist()
    )
    if results:
        scores(told(results))
    if (sequence := of_run(results)) is not None:
        transfer(sequence)


def transfer(found: Transfer) -> None:
    """Print R[stage, test] of a model that learnt one language after another."""
    names, lines = grid(found)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        shown.add_column(name, justify="left" if name == names[0] else "right", no_wrap=True)
    for line in lines:
        shown.add_row(*line, style="bold" if line is lines[-1] else "")
    console.print(caption(found), markup=False)
    console.print(shown)


def _counted(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Print what was repaired, left out or cut: nothing of that happens in silence."""
    rows = connection.execute(
        "SELECT DISTINCT strategy, lang, split, stage, key, counts FROM shards WHERE run = $1",
        [name],
    ).fetchall()
    totals: dict[tuple[str, str], dict[str, int]] = {}
    for strategy, _, split, stage, key, counts in rows:
        for what, number in json.loads(counts).items():
            words = in_words(stage, what)
            if words is not None and number:
                per = totals.setdefault((f"{strategy} {split}", words), {})
                per[key] = int(number)
    if not totals:
        return
    shown = Table(box=None, header_style="bold")
    for column in ("strategy, split", "number", "what"):
        shown.add_column(column, justify="right" if column == "number" else "left")
    for (where, words), per in sorted(totals.items()):
        shown.add_row(where, str(sum(per.values())), words)
    console.print(shown)
    _paid({key: json.loads(counts) for *_, key, counts in rows})


def _paid(counts: Mapping[str, Mapping[str, Any]]) -> None:
    """Print what language models cost, by currency, each artefact once."""
    totals: dict[str, float] = {}
    for each in counts.values():
        for what, number in each.items():
            if what.startswith(PRICE):
                currency = what.removeprefix(PRICE).upper()
                totals[currency] = totals.get(currency, 0.0) + number
    for currency, total in sorted(totals.items()):
        console.print(f"language model: {total:.4f} {currency} by the price that was given")


def _pairs(connection: duckdb.DuckDBPyConnection, name: str, rows: int, seed: int) -> None:
    sampled = (
        connection.sql(
            """SELECT id, lang, source, target, reason, error FROM units WHERE run = $1
           ORDER BY hash(id || $2) LIMIT $3""",
            params=[name, str(seed), rows],
        )
        .to_arrow_table()
        .to_pylist()
    )
    for row in sampled:
        mark = row["error"] or row["reason"]
        console.print(Text(f"\n{row['id']}  ", style="dim"), end="")
        console.print(
            Text(f"rejected: {mark}", style="red") if mark else Text("kept", style="green")
        )
        for side in (row["source"], row["target"]):
            for number, text in enumerate(side["texts"]):
                spans = [s for s in side["spans"] if s["text"] == number]
                shown = coloured(text, spans)
                lines = Text("\n  ").join(shown.split("\n", allow_blank=True))
                console.print(Text("  ").append_text(lines), soft_wrap=True)


def coloured(text: str, spans: Sequence[Mapping[str, Any]]) -> Text:
    """A text with each span in its label's colour and the label behind it."""
    out, at = Text(), 0
    for span in sorted(spans, key=lambda s: (s["start"], -s["end"])):
        if span["start"] < at:  # nested in the one before: named, not coloured twice
            continue
        style = COLOURS[sum(map(ord, span["label"])) % len(COLOURS)]
        out.append(text[at : span["start"]])
        out.append(text[span["start"] : span["end"]], style=f"bold {style}")
        out.append(f"[{span['label']}]", style=style)
        at = span["end"]
    return out.append(text[at:])
