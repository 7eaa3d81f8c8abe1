"""What the terminal shows of rules: the scores there are, their effects, rows at the border."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isinf
from typing import Any

from rich.table import Table
from rich.text import Text

from xltpipe.cli.render import coloured, console
from xltpipe.deciding.border import Near
from xltpipe.deciding.effects import Effects
from xltpipe.deciding.learning import CLEAN, Learnt
from xltpipe.deciding.percentile import Threshold
from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Limits
from xltpipe.visible import visible

SHOWN = 600
"""Characters of a text at the border; how many are left out is said."""

HEAVIEST = 12
"""Weights of a learned model that are shown; the file has all."""


def scorers() -> None:
    """Print every column, the gravest first."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("score", "reason", "unit", "range", "rule", "usual", "meaning", "source"):
        shown.add_column(name, no_wrap=name in {"score", "reason", "range"}, overflow="fold")
    for name, column in COLUMNS.items():
        bounds = f"{_number(column.low)}–{_number(column.high)}"
        shown.add_row(
            name,
            column.reason,
            column.unit,
            bounds,
            rule(column.limits) or "off",
            rule(column.usual),
            Text(column.meaning),
            Text(column.source),
        )
    console.print(shown)


def rule(limits: Limits | None) -> str:
    """A rule in a few characters."""
    if limits is None:
        return ""
    low = "" if limits.min is None else f"≥ {_number(limits.min)}"
    high = "" if limits.max is None else f"≤ {_number(limits.max)}"
    return " ".join(side for side in (low, high) if side)


def effects(run: str, found: Effects, only: Collection[str] | None = None) -> None:
    """Print the funnel under these rules, and of each rule (or of some) what it does."""
    console.print(Text(f"\n{run}", style="bold"), soft_wrap=True)
    if not found.parts:
        console.print("no row of this run has been judged yet")
        return
    _parts(found)
    several = len(found.parts) > 1
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("score", "rule", "fails", "only this", *([_HEAD] if several else [])):
        shown.add_column(name, justify="right" if name in {"fails", "only this"} else "left")
    idle = []
    wanted = [name for name in found.limits if only is None or name in only]
    for name in sorted(wanted, key=lambda n: -found.of(n)[0]):
        total, alone = found.of(name)
        if not total:
            idle.append(name)
            continue
        parts = ", ".join(
            f"{e.lang} {e.split} {e.fails:,} ({e.only:,})"
            for e in found.rules
            if e.column == name and e.fails
        )
        cells = [name, rule(found.limits[name]), f"{total:,}", f"{alone:,}"]
        shown.add_row(*cells, *([Text(parts)] if several else []))
    if shown.row_count:
        console.print(shown)
    if idle:
        console.print(Text(f"no row fails: {', '.join(idle)}", style="dim"))
    if found.unscored:
        names = ", ".join(found.unscored)
        console.print(Text(f"no row has a score for: {names}", style="dim"))


_HEAD = "by language and split (only this)"


def _parts(found: Effects) -> None:
    names = ["lang", "split", "in", "kept", "rejected", "quarantined"]
    if found.changed:
        names += ["kept by the run", "gained", "lost"]
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in names:
        shown.add_column(name, justify="left" if name in {"lang", "split"} else "right")
    for p in found.parts:
        cells = [f"{n:,}" for n in (p.rows, p.kept, p.rejected, p.quarantined)]
        if found.changed:
            cells += [f"{n:,}" for n in (p.before, p.gained, p.lost)]
        shown.add_row(p.lang, p.split, *cells)
    console.print(shown)


def border(found: Sequence[Near]) -> None:
    """Print rows beside thresholds, outside and inside, nearest first."""
    before = None
    for near in found:
        here = (near.column, near.edge, near.inside)
        if here != before:
            side = "just inside" if near.inside else "just outside"
            head = f"\n{near.column} {near.edge} {_number(near.threshold)}: {side}"
            console.print(Text(head, style="bold green" if near.inside else "bold red"))
            before = here
        others = [r for r in near.reasons if r != COLUMNS[near.column].reason]
        also = f"  also {', '.join(others)}" if others else ""
        line = f"{near.score:.4g}  {near.lang} {near.split} {visible(near.id)}{also}"
        console.print(Text(line, style="dim"), soft_wrap=True)
        for side_ in (near.source, near.target):
            _texts(side_)


def _texts(side: Mapping[str, Any]) -> None:
    for number, text in enumerate(side["texts"]):
        spans = [s for s in side["spans"] if s["text"] == number and s["end"] <= SHOWN]
        line = coloured(visible(text[:SHOWN]), spans)
        if len(text) > SHOWN:
            line.append(f" … {len(text) - SHOWN:,} more characters", style="dim")
        indent = "  "
        for piece in line.split("\n", allow_blank=True):
            console.print(Text(indent).append_text(piece), soft_wrap=True)
            indent = "    "  # a line of a text, not the next text


def thresholds(found: Sequence[Threshold], own: Mapping[str, Limits]) -> None:
    """Print thresholds by language beside the run's own rules."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("score", "lang", "threshold", "drops", "of", "own rule"):
        shown.add_column(name, justify="right" if name in {"drops", "of"} else "left")
    for t in found:
        sign = "≥" if t.edge == "min" else "≤"
        ours = rule(own.get(t.column)) or "off"
        shown.add_row(
            t.column, t.lang, f"{sign} {_number(t.value)}", f"{t.drops:,}", f"{t.rows:,}", ours
        )
    console.print(shown)


def learnt(found: Learnt) -> None:
    """Print what a learned threshold catches of rows that it was not learnt from, and why."""
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("rows", "number", "dropped", "share"):
        shown.add_column(name, justify="left" if name == "rows" else "right")
    for c in found.caught:
        share = f"{c.dropped / c.rows:.3f}" if c.rows else ""
        kind = "clean (false alarms)" if c.kind == CLEAN else c.kind
        shown.add_row(kind, f"{c.rows:,}", f"{c.dropped:,}", share)
    console.print(shown)
    heavy = sorted(
        found.model.terms, key=lambda t: -max(abs(t.below), abs(t.above), abs(t.missing))
    )
    weights = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("score", "usual", "below", "above", "missing"):
        weights.add_column(name, justify="left" if name == "score" else "right")
    for t in heavy[:HEAVIEST]:
        cells = (_number(t.center), f"{t.below:+.2f}", f"{t.above:+.2f}", f"{t.missing:+.2f}")
        weights.add_row(t.column, *cells)
    console.print(weights)
    if len(heavy) > HEAVIEST:
        console.print(Text(f"… {len(heavy) - HEAVIEST} lighter scores", style="dim"))
    signature = "|".join(f"{k}:{v}" for k, v in found.model.signature.items())
    console.print(Text(f"  {signature}|threshold:{found.model.threshold:g}", style="dim"))


def _number(value: float) -> str:
    if isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.4g}"
