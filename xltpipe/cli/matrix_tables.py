"""What the terminal shows of a matrix: its plan, and one table of scores, differences and cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from xltpipe.cli.render import console, transfer
from xltpipe.compared.axes import COPY, UPPER
from xltpipe.compared.cells import Cell
from xltpipe.compared.comparison import Comparison
from xltpipe.compared.summary import Row
from xltpipe.compared.transfer import NOTE

AXES = ("strategy", "projection", "filter", "training")


def plan(found: Comparison) -> None:
    """Print one line per group of cells: what is recorded, and what cannot run."""
    shown = Table(title=f"comparison {found.id}", box=None, header_style="bold")
    shown.title_justify = "left"
    names = ("target", *AXES, "seeds", "state")
    for name in names:
        shown.add_column(name, no_wrap=name != "state")
    groups: dict[tuple[str | None, ...], list[Cell]] = {}
    for cell in found.cells:
        groups.setdefault(cell.group, []).append(cell)
    for group, cells in groups.items():
        states = Counter(map(found.state, cells))
        told = ", ".join(f"{n} {state}" for state, n in states.items())
        reason = cells[0].reason
        seeds = ", ".join(str(cell.seed) for cell in cells)
        state = told if reason is None else f"{told}: {reason}"
        shown.add_row(*(Text(part or "any") for part in group), seeds, Text(state))
    console.print(shown)
    total = Counter(map(found.state, found.cells))
    words = ", ".join(f"{n} {state}" for state, n in total.items())
    console.print(f"{len(found.cells)} cells: {words}")


def shown_axes(rows: Sequence[Row]) -> list[int]:
    """The axes, by their place in a group, on which the rows differ; the strategy always."""
    return [n for n in range(1, 5) if n == 1 or len({r.group[n] for r in rows} - {None}) > 1]


MEAN, APART = "mean ± sd", "difference"


def grid(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """The columns' names, and every row in words; columns without a word in them are left out."""
    axes = shown_axes(rows)
    names = [
        *("target", "test", *(AXES[n - 1] for n in axes), "learnt", "seeds", MEAN, APART, "95 %"),
        *("p (Holm)", "of supervised", "s", "tokens in", "tokens out"),
    ]
    lines = [_values(row, axes) for row in rows]
    kept = [n for n, name in enumerate(names) if name == MEAN or any(line[n] for line in lines)]
    return [names[n] for n in kept], [[line[n] for n in kept] for line in lines]


def _values(row: Row, axes: Sequence[int]) -> list[str]:
    apart = row.difference
    named = [row.group[n] or "any" for n in axes]
    tested = ["", "", ""]
    if apart is not None:
        interval = f"{apart.low:+.3f} to {apart.high:+.3f}"
        tested = [f"{apart.value:+.4f}", interval, p_value(apart.holm)]
    elif row.baseline:
        tested[0] = "baseline"
    cost = row.cost
    return [
        *(row.lang, row.test, *named, row.learnt or "", str(len(row.scores)), mean(row), *tested),
        "" if row.share is None else f"{row.share:.0%}",
        f"{cost.seconds:.1f}",
        *(f"{tokens:,}" if tokens else "" for tokens in (cost.tokens_in, cost.tokens_out)),
    ]


def mean(row: Row) -> str:
    deviation = row.deviation
    return f"{row.mean:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")


def p_value(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def notes(found: Comparison, rows: Sequence[Row]) -> list[str]:
    """What must be known to read the table."""
    out = []
    if any(row.difference is not None for row in rows):
        rounds = found.matrix.rounds
        tested = sum(row.difference is not None for row in rows)
        out.append(
            f"Differences from the baseline: 95 % by paired bootstrap, p by approximate "
            f"randomisation over test examples ({rounds:,} rounds each), Holm over {tested}."
        )
    strategies = {row.strategy for row in rows}
    if UPPER in strategies:
        out.append("supervised: trained on gold data of the language, the upper bound.")
    if COPY in strategies:
        out.append("copy_control: trained on untranslated source rows, sent through the pipeline.")
    if found.matrix.subsample is not None:
        out.append(f"Each seed trains on {found.matrix.subsample:.0%} of the rows, by their ids.")
    if found.transfers:
        out.append(NOTE)
    out.append("s: seconds that all artefacts of one run took, whoever made them.")
    reasons = dict.fromkeys(row.untested for row in rows if row.untested)
    out += [f"Not tested: {reason}." for reason in reasons]
    return out


def undone(found: Comparison) -> list[str]:
    """The cells that were not run, by the reason."""
    lines = []
    for reason, cells in found.undone.items():
        groups = dict.fromkeys(".".join(filter(None, cell.group)) for cell in cells)
        n = f"{len(cells)} cell" + ("" if len(cells) == 1 else "s")
        lines.append(f"{n} not run ({', '.join(groups)}): {reason}")
    return lines


def table(found: Comparison, rows: Sequence[Row]) -> None:
    """Print everything."""
    names, lines = grid(rows)
    shown = Table(box=None, header_style="bold", pad_edge=False)
    words = names[: names.index(MEAN) - 1]
    for name in names:
        shown.add_column(name, justify="left" if name in words else "right", no_wrap=True)
    for values in lines:
        shown.add_row(*map(Text, values))
    console.print(shown)
    for one in found.transfers:
        transfer(one)
    for line in notes(found, rows):
        console.print(Text(line, style="dim"), soft_wrap=True)
    for line in undone(found):
        console.print(Text(line, style="yellow"), soft_wrap=True)
    for line in signatures(rows):
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)


def signatures(rows: Sequence[Row]) -> list[str]:
    """Every score with its signature, and before it the cell: what a signature does not tell."""
    return [
        f"{'.'.join(filter(None, row.group))}: {signature} = {value:.4f}"
        for row in rows
        for signature, value in zip(row.signatures, row.scores.values(), strict=True)
    ]
