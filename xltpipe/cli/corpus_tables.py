"""What the terminal shows of rows: differences side by side, samples, and what was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from xltpipe.cli.render import coloured, console
from xltpipe.datasets.write import json_line, whole
from xltpipe.review.difference import KINDS, Difference, Differing, Side
from xltpipe.review.difference import differing as all_differing
from xltpipe.review.examples import content
from xltpipe.review.export import COUNTED, Exported
from xltpipe.review.importing import Imported
from xltpipe.review.sampling import Sampled
from xltpipe.review.spans import Change
from xltpipe.store import Store
from xltpipe.types import Example
from xltpipe.visible import visible

if TYPE_CHECKING:
    import duckdb

_STATES = {"kept": "green", "rejected": "red", "quarantined": "yellow"}


def table(rows: Sequence[Mapping[str, Any]], empty: Sequence[str] = ()) -> None:
    """Print records; a column named in `empty` is left out where it is 0 in every row."""
    names = [n for n in rows[0] if n not in empty or any(row[n] for row in rows)]
    shown = Table(box=None, header_style="bold")
    for name in names:
        number = isinstance(rows[0][name], int)
        shown.add_column(
            name.replace("_", " "), justify="right" if number else "left", overflow="fold"
        )
    for row in rows:
        shown.add_row(*(Text("" if row[n] is None else visible(str(row[n]))) for n in names))
    console.print(shown)


def difference(a: str, b: str, found: Difference) -> None:
    """Print the counts."""
    console.print(f"A = {a}\nB = {b}", markup=False, soft_wrap=True)
    if not found.rows:
        console.print("neither run has rows")
        return
    table(found.rows, KINDS)
    if not found.differing:
        console.print("no difference: the same rows, verdicts and labels")
    if found.turns:
        table(found.turns, ("why_a", "why_b"))
    if found.spans:
        table(found.spans)


def differing(a: str, b: str, rows: Sequence[Differing], total: int) -> None:
    """Print rows side by side."""
    del a, b
    for row in rows:
        console.print(_head(row.lang, row.split, row.id, ", ".join(row.kinds)))
        shown = Table(box=None, show_header=False, padding=(0, 2), expand=True)
        shown.add_column("A", ratio=1, overflow="fold")
        shown.add_column("B", ratio=1, overflow="fold")
        shown.add_row(_verdict("A", row.a), _verdict("B", row.b))
        source = row.a or row.b
        if source is not None and "source" not in row.kinds:
            console.print(_texts(source.source), soft_wrap=True)
        else:
            shown.add_row(*(_texts(side.source) if side else "" for side in (row.a, row.b)))
        shown.add_row(*(_texts(side.target) if side else "" for side in (row.a, row.b)))
        console.print(shown)
        for change in row.spans:
            console.print(_change(row, change))
    if total > len(rows):
        console.print(f"\n… {total - len(rows)} more rows differ (--rows, --seed, --json FILE)")


def _head(lang: str, split: str, id: str, more: str) -> Text:
    return Text(f"\n{visible(id)}  ", style="bold").append(f"{lang} {split}  {more}", style="dim")


def _verdict(name: str, side: Side | None) -> Text:
    if side is None:
        return Text(f"{name}: not there", style="dim")
    return Text(f"{name}: ").append_text(_state(side.state, side.reasons, side.error))


def _state(state: str, reasons: Sequence[str], error: str | None) -> Text:
    why = error or ", ".join(reasons)
    return Text(f"{state}: {visible(why)}" if why else state, style=_STATES[state])


def _texts(example: Example) -> Text:
    lines = []
    for number, text in enumerate(example.texts):
        spans = [asdict(s) for s in example.spans if s.text == number]
        lines.append(coloured(visible(text), spans))
    if example.label is not None:
        lines.append(Text(f"= {visible(example.label)}", style="bold"))
    return Text("\n").join(lines)


def _change(row: Differing, change: Change) -> Text:
    words = []
    for side, at in ((row.a, change.before), (row.b, change.after)):
        if side is not None and at is not None:
            span = side.target.spans[at]
            words.append(f"{visible(side.target.covered(span))} [{visible(span.label)}]")
    style = {"added": "green", "removed": "red"}.get(change.kind, "yellow")
    return Text(f"  {change.kind}: ", style=style).append(" → ".join(words))


def write_difference(
    connection: duckdb.DuckDBPyConnection, a: str, b: str, found: Difference, path: Path
) -> None:
    """Write counts and all differing rows as one JSON document, a row a line."""
    head = {"a": a, "b": b, "rows": found.rows, "turns": found.turns, "spans": found.spans}
    with whole(path) as stream:
        opening = json.dumps(head, ensure_ascii=False).removesuffix("}")
        stream.write(f'{opening}, "differing": ['.encode())
        for number, row in enumerate(all_differing(connection, a, b)):
            stream.write(b",\n" if number else b"\n")
            stream.write(json.dumps(_document(row), ensure_ascii=False).encode())
        stream.write(b"\n]}\n")
    console.print(f"wrote {path}", markup=False, soft_wrap=True)


def _document(row: Differing) -> dict[str, Any]:
    return {
        "lang": row.lang,
        "split": row.split,
        "id": row.id,
        "kinds": row.kinds,
        "a": _side(row.a),
        "b": _side(row.b),
        "spans": [asdict(change) for change in row.spans],
    }


def _side(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "state": side.state,
        "reasons": side.reasons,
        "error": side.error,
        "source": content(side.source),
        "target": content(side.target),
    }


def sample(rows: Sequence[Sampled], total: int) -> None:
    """Print sampled rows, source above target."""
    for row in rows:
        head = _head(row.lang, row.split, row.source.id, "")
        console.print(head.append_text(_state(row.state, row.reasons, row.error)))
        for side in (row.source, row.target):
            console.print(_texts(side), soft_wrap=True)
    console.print(f"\n{len(rows)} of {total} such rows")


def print_json(run: str, rows: Sequence[Sampled]) -> None:
    """Print one JSON object a line, without colour."""
    for row in rows:
        document = {
            "run": run,
            "lang": row.lang,
            "split": row.split,
            "id": row.source.id,
            "state": row.state,
            "reasons": row.reasons,
            "error": row.error,
            "source": content(row.source),
            "target": content(row.target),
            "placements": row.placements,
            "scores": row.scores,
        }
        print(json_line(document), end="")  # noqa: T201 - for programs: no folding, no colour


def exported(record: Mapping[str, Any], found: Exported) -> None:
    """Say what was written, and what the format could not hold."""
    written = found.written
    console.print(
        f"wrote {written.rows} rows, {written.spans} spans to {found.path}",
        markup=False,
        soft_wrap=True,
    )
    if written.dropped:
        console.print(f"{written.dropped} spans that the format cannot hold were left out")
    for name, words in COUNTED.items():
        if found.counts[name]:
            console.print(f"{found.counts[name]} {words}")
    if record["state"] != "completed":
        console.print(f"the run is {record['state']}: these are its rows so far")
    if found.config is not None:
        console.print(
            f"wrote {found.config}: paste it under Settings → Labeling Interface → Code, import "
            f"the tasks, and bring them back with: xltpipe import-review {record['run']} FILE",
            markup=False,
            soft_wrap=True,
        )


_MET = {
    "skipped": "tasks that were skipped: not reviewed",
    "unsent": "tasks with a draft that nobody submitted: not reviewed",
    "several": "tasks with several annotations: ground truth counts, else the latest",
    "disagreeing": "of these, tasks whose annotations differ",
    "utf16": "regions with offsets in UTF-16 units, told by the text they cover",
    "ambiguous": "regions that fit in code points and in UTF-16 units: read as code points",
    "trimmed": "regions with white space at an end, cut off",
    "repeated": "regions that repeat another",
    "ignored": "results that are neither spans nor our choices, left aside",
}


def imported(store: Store, found: Imported) -> None:
    """Say what the reviews changed."""
    console.print(f"run {found.run}, from {found.parent}", markup=False, soft_wrap=True)
    rows = [
        {"lang": lang, "split": split, **{name: counts.get(name, 0) for name in sorted(counts)}}
        for (lang, split), counts in found.by_place.items()
        if counts
    ]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if rows:
        filled = [{name: row.get(name, 0) for name in names} for row in rows]
        table(filled, [n for n in names if n.startswith(("spans_", *_ASIDE))])
    if not found.counts.get("reviewed"):
        console.print("no row was reviewed: the new run is equal to its parent")
    for name, words in _MET.items():
        if found.met.get(name):
            console.print(f"{found.met[name]} {words}")
    if found.counts.get("without_verdict"):
        console.print(
            f"{found.counts['without_verdict']} rejected or quarantined rows were reviewed without "
            "a verdict: they stay what they were"
        )
    console.print(
        f"corpus: {store.root / 'corpus' / f'run={found.run}'}", markup=False, soft_wrap=True
    )
    console.print(
        f"see also: xltpipe diff {found.parent} {found.run}", markup=False, soft_wrap=True
    )


_ASIDE = ("label_", "not_", "without_")
