"""Charts: drawn by Altair (VanderPlas et al., 2018) and vl-convert as SVG that stands in the page.

Colours are those of the page's light scheme; its style turns them by their value where it is dark.
No script, no style and no id is left in them, so the page's policy holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xltpipe.errors import require
from xltpipe.evaluation.statistics import interval_in
from xltpipe.hypertext import text
from xltpipe.visible import visible

if TYPE_CHECKING:
    from xltpipe.quality.column import Limits
    from xltpipe.quality.drift import Drift
    from xltpipe.reporting.funnel import Part
    from xltpipe.reporting.reasons import Reason
    from xltpipe.reporting.scores import Distribution

EXTRA = "report"
MAIN, BAD, HELD = "#1d5fbf", "#d2552c", "#b98900"
INK, SOFT, LINE = "#1c1d20", "#5d626b", "#dfe0e3"
PALE = "#c9ccd2"
"""These stand in report.css too, each turned into the variable of its role."""

WIDE = 600
BARS = 25
"""Bars of one chart; how many are left out is said beside it, and the table has them."""


def check() -> None:
    """Meet missing packages before the work.

    Raises:
        MissingExtraError: Altair or vl-convert is not installed.
    """
    require("altair", EXTRA)
    require("vl_convert", EXTRA)


def funnel(part: Part) -> str:
    """Rows after each stage, and what was decided of them."""
    stages = {s: n for s, n in part.stages.items() if s not in {"judge", "materialise"}}
    rows: list[dict[str, object]] = [
        {"stage": _STAGES.get(stage, stage), "what": "passed on", "rows": n, "order": 0}
        for stage, n in sorted(stages.items(), key=lambda one: list(_STAGES).index(one[0]))
    ]
    decided = ("kept", part.kept), ("rejected", part.rejected), ("quarantined", part.quarantined)
    rows += [
        {"stage": "decided", "what": what, "rows": n, "order": order}
        for order, (what, n) in enumerate(decided)
    ]
    names = [str(row["stage"]) for row in rows]
    shares = {"passed on": PALE, "kept": MAIN, "rejected": BAD, "quarantined": HELD}
    alt = _altair()
    chart = (
        alt.Chart(alt.Data(values=rows), width=WIDE - 120, height=alt.Step(24))
        .mark_bar(height=16, cornerRadius=2)
        .encode(
            y=alt.Y("stage:N", sort=list(dict.fromkeys(names)), title=None, axis=_plain(alt)),
            x=alt.X("rows:Q", title="rows", stack="zero", axis=_counts(alt, part.read)),
            color=_colours(alt, "what", shares),
            order="order:Q",
        )
    )
    told = ", ".join(f"{row['stage']}: {row['what']} {row['rows']}" for row in rows)
    return _svg(chart, f"Rows of {part.lang} {part.split}. {told}")


_STAGES = {"read": "read", "translate": "translated", "project": "projected", "score": "scored"}


def reasons(found: Sequence[Reason]) -> str:
    """Rows that each rule failed, and of these the ones that no other rule failed."""
    total: dict[str, list[int]] = {}
    for one in found:
        at = total.setdefault(one.name, [0, 0])
        at[0] += one.rows
        at[1] += one.alone
    ordered = sorted(total, key=lambda name: -total[name][0])[:BARS]
    most = max(total[name][0] for name in ordered)
    alone, others = "this rule alone", "and others too"
    rows = [
        {"reason": _short(name), "what": what, "rows": n, "order": order}
        for name in ordered
        for order, (what, n) in enumerate(
            ((alone, total[name][1]), (others, total[name][0] - total[name][1]))
        )
    ]
    alt = _altair()
    chart = (
        alt.Chart(alt.Data(values=rows), width=WIDE - 160, height=alt.Step(24))
        .mark_bar(height=16, cornerRadius=2)
        .encode(
            y=alt.Y("reason:N", sort=[_short(n) for n in ordered], title=None, axis=_plain(alt)),
            x=alt.X("rows:Q", title="rows that fail", stack="zero", axis=_counts(alt, most)),
            color=_colours(alt, "what", {alone: BAD, others: PALE}),
            order="order:Q",
        )
    )
    told = ", ".join(f"{name} {total[name][0]}" for name in ordered)
    return _svg(chart, f"Rows that each rule failed: {told}")


def histogram(found: Distribution, limits: Limits | None) -> str:
    """The distribution of a score, kept rows below and dropped ones on top, and the limits."""
    low, high = found.bins[0].low, found.bins[-1].high
    reach = 0.35 * (high - low)
    edges = [] if limits is None else [e for e in (limits.min, limits.max) if e is not None]
    shown = [edge for edge in edges if low - reach <= edge <= high + reach]
    rows = [
        {"low": b.low, "high": b.high, "rows": n, "what": what, "order": order}
        for b in found.bins
        for order, (what, n) in enumerate((("kept", b.kept), ("dropped", b.dropped)))
        if n
    ]
    most = max(b.kept + b.dropped for b in found.bins)
    alt = _altair()
    scale = alt.Scale(domain=[min([low, *shown]), max([high, *shown])], nice=False, zero=False)
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(binSpacing=0.6)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title=None,
                scale=scale,
                axis=alt.Axis(tickCount=4, grid=False, format="~g"),
            ),
            x2="high:Q",
            y=alt.Y("rows:Q", title=None, stack="zero", axis=_counts(alt, most, 3)),
            color=_colours(alt, "what", {"kept": MAIN, "dropped": BAD}, shown=False),
            order="order:Q",
        )
    )
    lines = (
        alt.Chart(alt.Data(values=[{"edge": edge} for edge in shown]))
        .mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.4)
        .encode(x=alt.X("edge:Q", scale=scale))
    )
    chart = (bars + lines if shown else bars).properties(width=250, height=96)
    limited = ", ".join(f"limit {edge:g}" for edge in edges) or "no limit"
    return _svg(
        chart,
        f"{found.name}: {found.rows} rows from {found.least:g} to {found.most:g}, "
        f"median {found.median:g}, {limited}, {found.outside} rows outside",
    )


def drift(found: Drift) -> str:
    """Each label's share in the source and in the kept target rows."""
    shares = [(label, p, q) for label, (p, q) in found.shares.items()][:BARS]
    source, target = "source rows", "kept target rows"
    rows = [
        {"label": _short(label), "what": what, "share": share}
        for label, p, q in shares
        for what, share in ((source, p), (target, q))
    ]
    alt = _altair()
    chart = (
        alt.Chart(alt.Data(values=rows), width=WIDE - 140, height=alt.Step(10))
        .mark_bar(cornerRadius=1)
        .encode(
            y=alt.Y("label:N", sort=[_short(s[0]) for s in shares], title=None, axis=_plain(alt)),
            yOffset=alt.YOffset("what:N", sort=[source, target]),
            x=alt.X("share:Q", title="share", axis=alt.Axis(format="%", tickCount=5)),
            color=_colours(alt, "what", {source: PALE, target: MAIN}),
        )
    )
    told = ", ".join(f"{label} {p:.1%} and {q:.1%}" for label, p, q in shares)
    return _svg(chart, f"Share of each label in source and kept target rows: {told}")


def results(found: Sequence[Mapping[str, Any]]) -> str:
    """Each score with its 95 % interval, the strategies of a test set beneath each other."""
    rows: list[dict[str, Any]] = [
        {
            "where": f"{row['lang']} {row['test']}",
            "strategy": row["strategy"],
            "value": row["value"],
            "low": low,
            "high": high,
        }
        for row in found
        for low, high in [interval_in(dict(row["details"])) or (row["value"], row["value"])]
    ]
    best = [str(row["strategy"]) for row in sorted(rows, key=lambda r: -float(r["value"]))]
    best = list(dict.fromkeys(best))
    alt = _altair()
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y("strategy:N", sort=best, title=None, axis=_plain(alt))
    )
    scale = alt.Scale(domain=[0, 1])
    line = base.mark_rule(color=MAIN, strokeWidth=3, opacity=0.45).encode(
        x=alt.X("low:Q", title="score, 95 % interval", scale=scale, axis=alt.Axis(tickCount=5)),
        x2="high:Q",
    )
    point = base.mark_point(filled=True, size=70, color=MAIN, opacity=1).encode(
        x=alt.X("value:Q", scale=scale)
    )
    chart = (
        alt.layer(line, point)
        .properties(width=WIDE - 160, height=alt.Step(24))
        .facet(row=alt.Row("where:N", title=None, header=_header(alt)), spacing=14)
        .resolve_scale(y="independent")
    )
    told = ", ".join(f"{r['where']} {r['strategy']} {r['value']:.4f}" for r in rows)
    return _svg(chart, f"Scores: {told}")


def times(seconds: Mapping[str, float]) -> str:
    """Seconds of each stage."""
    rows = [{"stage": stage, "seconds": round(s, 3)} for stage, s in seconds.items()]
    alt = _altair()
    chart = (
        alt.Chart(alt.Data(values=rows), width=WIDE - 160, height=alt.Step(20))
        .mark_bar(height=13, cornerRadius=2, color=MAIN)
        .encode(
            y=alt.Y("stage:N", sort=list(seconds), title=None, axis=_plain(alt)),
            x=alt.X("seconds:Q", title="seconds of work", axis=alt.Axis(tickCount=5)),
        )
    )
    told = ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items())
    return _svg(chart, f"Seconds by stage: {told}")


def _altair() -> Any:
    return require("altair", EXTRA)


def _plain(alt: Any) -> Any:
    return alt.Axis(domain=False, ticks=False, labelPadding=8, labelLimit=150, labelColor=INK)


def _counts(alt: Any, most: int, ticks: int = 5) -> Any:
    return alt.Axis(format="~s", tickCount=max(1, min(ticks, most)))  # no halves of rows


def _header(alt: Any) -> Any:
    return alt.Header(labelAngle=0, labelAlign="left", labelAnchor="start", labelOrient="top")


def _colours(alt: Any, field: str, of: Mapping[str, str], *, shown: bool = True) -> Any:
    scale = alt.Scale(domain=list(of), range=list(of.values()))
    legend = alt.Legend(orient="top", title=None, symbolType="square", offset=4) if shown else None
    return alt.Color(f"{field}:N", scale=scale, legend=legend)


def _short(name: str) -> str:
    """A name that comes from data, as an axis can bear it."""
    return visible(name if len(name) <= 40 else f"{name[:39]}…")


def _svg(chart: Any, told: str) -> str:
    """The drawing, with its content in words for those who cannot see it."""
    converter = require("vl_convert", EXTRA)
    version = ".".join(_altair().SCHEMA_VERSION.lstrip("v").split(".")[:2])
    known = converter.get_vegalite_versions()
    spec = {**chart.to_dict(), "config": _CONFIG, "background": None}
    svg = converter.vegalite_to_svg(spec, vl_version=version if version in known else None)
    svg = re.sub(r' (?:xmlns:xlink|version|class|pointer-events|font-family)="[^"]*"', "", svg)
    svg = re.sub(r'<path[^>]* d="(?:M0,0h0v0h0Z)?"[^>]*/>', "", svg)  # empty backgrounds
    # their ids go on counting from drawing to drawing, and nothing needs to be clipped
    svg = re.sub(r'<defs>.*?</defs>| clip-path="[^"]*"', "", svg, flags=re.DOTALL)
    head = f'<svg role="img" aria-label="{text(told)}" class="chart" '
    return svg.replace("<svg ", head, 1)


_CONFIG = {
    "aria": False,
    "font": "Arial",
    "padding": 2,
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "titleFontWeight": "normal",
        "titleFontSize": 11,
        "labelFontSize": 11,
        "gridColor": LINE,
        "domainColor": LINE,
        "tickColor": LINE,
    },
    "legend": {"labelColor": SOFT, "labelFontSize": 11, "symbolSize": 90, "columnPadding": 14},
    "header": {"labelColor": INK, "labelFontSize": 12},
}
