"""What the terminal shows of a comparison: tables, signatures, and error cases side by side."""

from __future__ import annotations

from dataclasses import asdict
from math import isnan

from rich.table import Table
from rich.text import Text

from xltpipe.cli.render import coloured, console
from xltpipe.comparison import Comparison, InLanguage
from xltpipe.comparison.cases import Case, Seen, cases
from xltpipe.comparison.scores import by_type, counts, fine, kinds, reasons, scores
from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.languages import resolve
from xltpipe.types import Example, Score
from xltpipe.visible import visible


def comparison(found: Comparison) -> None:
    """Print everything but the cases, language by language."""
    for one in found.languages:
        _heading(one)
        if one.done:
            _scores(one)
            _outcomes(one)
            _times(one)
            _types(one)
        if one.gold is None and len(one.done) > 1:
            _agreement(one)
        _undone(one)
        for finding in one.done:
            for score in scores(one, finding):
                line = f"  {score.signature} = {_number(score.value) or 'undefined'}"
                console.print(Text(line, style="dim"), soft_wrap=True)


def _heading(one: InLanguage) -> None:
    how = "translated: the methods judge each other" if one.gold is None else "beside gold labels"
    name = f"{resolve(one.source).name} → {resolve(one.lang).name}"
    left = f"; {one.left_out:,} further rows left out (compare.rows)" if one.left_out else ""
    console.print(f"\n[bold]{name}[/], {one.rows:,} rows, {how}{left}")


def _table(*columns: str, left: int = 2) -> Table:
    """The first columns hold names, which are never cut, the others numbers."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        words = number < left
        shown.add_column(name, justify="left" if words else "right", no_wrap=words)
    return shown


def _scores(one: InLanguage) -> None:
    if one.gold is None:
        shown = _table("method", "aligner", "spans", "placed", "coverage", "agreement")
        for f in one.done:
            values = [_number(score.value) for score in scores(one, f)]
            shown.add_row(f.method, f.aligner, str(f.spans), str(f.placed), *values)
        console.print(shown)
        return
    shown = _table(
        "method", "aligner", "spans", "F1 strict", "95 %", "precision", "recall", "F1 partial"
    )
    for f in one.done:
        strict, partial = scores(one, f)
        shown.add_row(f.method, f.aligner, str(f.spans), *_f1(strict), _number(partial.value))
    console.print(shown)


def _f1(score: Score) -> list[str]:
    d = score.details
    interval = f"{d['f1_low']:.3f}–{d['f1_high']:.3f}" if "f1_low" in d else ""
    ratios = [_number(d.get(name)) for name in ("precision", "recall")]
    return [_number(score.value), interval, *ratios]


def _outcomes(one: InLanguage) -> None:
    """What became of the spans, a kind a row; the reasons of lost ones below."""
    shown = _table("outcome", *(f.method for f in one.done), "meaning", left=1)
    shown.columns[-1].justify = "left"
    found = [counts(one, f) for f in one.done]
    lost = [reasons(one, f) for f in one.done]
    for kind, words in kinds(one).items():
        shown.add_row(kind.replace("_", " "), *(str(row[kind]) for row in found), words)
        for reason in sorted({r for row in lost for r in row}) if kind == "lost" else ():
            numbers = (str(row.get(reason, 0)) for row in lost)
            shown.add_row(f"  {reason}", *numbers, style="dim")
    console.print(shown)


def _times(one: InLanguage) -> None:
    """Seconds as measured when each artefact was made, which may have been in an earlier run."""
    shown = _table("method", "spans/s", "project s", "align s", "train s", left=1)
    for f in one.done:
        rate = "" if f.spans_per_second is None else f"{f.spans_per_second:,.0f}"
        shown.add_row(f.method, rate, *(_seconds(s) for s in asdict(f.seconds).values()))
    console.print(shown)


def _seconds(value: float | None) -> str:
    return "not recorded" if value is None else f"{value:.2f}"


def _types(one: InLanguage) -> None:
    """The same by type, where there is more than one."""
    found = {f.method: by_type(one, f) for f in one.done}
    if len({label for rows in found.values() for label in rows}) < 2:
        return
    ratios = [] if one.gold is None else ["F1 strict", "F1 partial"]
    shown = _table("type", "method", *ratios, *(k.replace("_", " ") for k in kinds(one)))
    for label in sorted({label for rows in found.values() for label in rows}):
        for method, rows in found.items():
            row = rows.get(label, {})
            f1 = [_number(row.get(f"f1_{mode}")) for mode in ("strict", "partial")][: len(ratios)]
            numbers = [f"{row.get(kind, 0):.0f}" for kind in kinds(one)]
            shown.add_row(Text(visible(label)), method, *f1, *numbers)
    console.print(shown)


def _agreement(one: InLanguage) -> None:
    """Spans that two methods placed alike (or both lost), of those in a text that both had."""
    names = [f.method for f in one.done]
    shown = _table("agreement", *names, left=1)
    for a in names:
        row = []
        for b in names:
            pairs = one.agreed(a, b)
            row.append(f"{_number(pairs.share)} of {pairs.comparable:,}" if pairs else "")
        shown.add_row(a, *row)
    console.print(shown)


def _undone(one: InLanguage) -> None:
    for finding in one.findings:
        if finding.state != "done":
            style = "red" if finding.state == "failed" else "yellow"
            what = finding.state.replace("_", " ")
            told = f"{finding.method} ({finding.kind}) {what}: {finding.error}"
            console.print(Text(told, style=style), soft_wrap=True)


def _number(value: float | None) -> str:
    return "" if value is None or isnan(value) else f"{value:.4f}"


def errors(found: Comparison, kind: str | None, rows: int) -> None:
    """Print so many cases of a kind of error, each method's result below the other."""
    for one in found.languages:
        listed = cases(one, kind) if kind is None or kind in kinds(one) else []
        name = "of any kind" if kind is None else kind.replace("_", " ")
        shown = listed[:rows]
        left = len(listed) - len(shown)
        more = f", {left} more not shown (--rows)" if left else ""
        console.print(f"\n[bold]{one.lang}[/]: {len(listed)} rows with errors {name}{more}")
        for case in shown:
            _case(one, case)


def _case(one: InLanguage, case: Case) -> None:
    console.print(Text(f"\nrow {case.number}, {visible(case.source.id)}", style="dim"))
    width = max(len(name) for name in ("source", *(s.method for s in case.seen)))
    _texts("source", width, case.source)
    if case.gold is not None:
        _texts("gold", width, case.gold)
    for seen in case.seen:
        _texts(seen.method, width, seen.target)
        told = Text(" " * (width + 4))
        for number, outcome in enumerate(seen.outcomes):
            told.append(", " if number else "")
            told.append(_told(case.source, seen, outcome), style=_style(one, outcome))
        console.print(told if seen.error is None else Text(seen.error, style="red"), soft_wrap=True)


def _texts(name: str, width: int, example: Example) -> None:
    for number, text in enumerate(example.texts):
        spans = [
            {"start": s.start, "end": s.end, "label": visible(s.label)}
            for s in example.spans
            if s.text == number
        ]
        line = Text(f"  {name if number == 0 else '':<{width}}  ", style="bold")
        console.print(line + coloured(visible(text), spans), soft_wrap=True)


def _told(source: Example, seen: Seen, outcome: Outcome) -> str:
    kind = outcome.kind.replace("_", " ")
    how = seen.how(outcome)
    why = f" ({how})" if how else ""
    if outcome.source is None:
        return f"{visible(outcome.label)}: {kind}"
    return f"{visible(source.covered(source.spans[outcome.source]))}: {kind}{why}"


def _style(one: InLanguage, outcome: Outcome) -> str:
    return "green" if outcome.kind in fine(one) else "red"
