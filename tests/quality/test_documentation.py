"""The table of scores in the guide says what the code does."""

from __future__ import annotations

from math import inf
from pathlib import Path

from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Column, Limits

GUIDE = Path(__file__).parents[2] / "docs" / "quality.md"


def shown(limits: Limits | None) -> str:
    if limits is None:
        return ""
    edges = [("≥", limits.min), ("≤", limits.max)]
    return ", ".join(f"{sign} {edge:.3g}" for sign, edge in edges if edge is not None)


def row(column: Column) -> str:
    low, high = (f"{edge:g}".replace("inf", "∞") for edge in (column.low, column.high))
    rule = shown(column.limits) or "off"
    if column.usual is not None:
        rule += f" ({shown(column.usual)})"
    where = "" if column.high == inf and column.low == 0 else f", {low}–{high}"
    cells = [f"`{column.name}`", f"`{column.reason}`", f"{column.unit}{where}", rule]
    return f"| {' | '.join(cells)} | {column.meaning.replace('|', '∣')} |"


def test_every_score_is_in_the_guide_as_it_is() -> None:
    text = GUIDE.read_text(encoding="utf-8").split("## All scores")[1]
    table = [line for line in text.splitlines() if line.startswith("| `")]
    assert table == [row(c) for c in COLUMNS.values()]
