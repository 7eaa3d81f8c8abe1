"""The tables of a comparison's page: scores, outcomes, times, types, agreement, signatures."""

from __future__ import annotations

from html import escape
from math import isnan

from xltpipe.comparison import Finding, InLanguage
from xltpipe.comparison.scores import by_type, counts, kinds, reasons, scores
from xltpipe.hypertext import table
from xltpipe.languages import resolve


def section(one: InLanguage) -> str:
    """All tables of one language."""
    how = "translated; the methods judge each other" if one.gold is None else "beside gold labels"
    left = f"; {one.left_out:,} further rows left out (compare.rows)" if one.left_out else ""
    return "\n".join(
        [
            f"<h2>{escape(resolve(one.source).name)} → {escape(resolve(one.lang).name)}</h2>",
            f'<p class="soft">{one.rows:,} rows, {how}{left}.</p>',
            _scores(one),
            _legend(one),
            _types(one),
            _agreement(one),
            _signatures(one),
        ]
    )


def _scores(one: InLanguage) -> str:
    names = ["F1 strict", "95 %", "F1 partial"] if one.gold else ["coverage", "agreement"]
    heads = ["method", "aligner", "spans", *names, "what became of the spans"]
    heads += ["spans/s", "project s", "align s", "train s"]
    rows = [_row(one, f) if f.state == "done" else _fault(f) for f in one.findings]
    return table(heads, rows, {0, 1, len(names) + 3})


def _row(one: InLanguage, finding: Finding) -> list[str]:
    found = scores(one, finding)
    values = [number(score.value) for score in found]
    if one.gold is not None:
        d = found[0].details
        values.insert(1, f"{d['f1_low']:.3f}–{d['f1_high']:.3f}" if "f1_low" in d else "")
    seconds = finding.seconds
    rate = finding.spans_per_second
    return [
        escape(finding.method),
        escape(finding.aligner),
        f"{finding.spans:,}",
        *values,
        _bar(counts(one, finding)),
        "" if rate is None else f"{rate:,.0f}",
        *("" if s is None else f"{s:.2f}" for s in (seconds.project, seconds.align, seconds.train)),
    ]


def _fault(finding: Finding) -> list[str]:
    """The method, and one cell for the rest of the row."""
    what = finding.state.replace("_", " ")
    told = f"{what}: {escape(finding.error or '')}"
    return [escape(finding.method), f'<span class="{finding.state}">{told}</span>']


def _bar(found: dict[str, int]) -> str:
    """A bar whose parts are the kinds, in their order."""
    total = sum(found.values()) or 1
    at, parts = 0.0, []
    for kind, n in found.items():
        width = 100 * n / total
        told = f"<title>{kind.replace('_', ' ')} {n:,}</title>"
        if n:
            parts.append(
                f'<rect class="{kind}" x="{at:.3f}" width="{width:.3f}" height="1">{told}</rect>'
            )
        at += width
    label = ", ".join(f"{kind.replace('_', ' ')} {n:,}" for kind, n in found.items() if n)
    return (
        '<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _legend(one: InLanguage) -> str:
    """Each kind in words, and how many spans of each method it holds; lost ones by reason too."""
    heads = ["outcome", *(f.method for f in one.done), "meaning"]
    found = [counts(one, f) for f in one.done]
    lost = [reasons(one, f) for f in one.done]
    rows = []
    for kind, words in kinds(one).items():
        name = f'<span class="dot {kind}">{kind.replace("_", " ")}</span>'
        rows.append([name, *(f"{row[kind]:,}" for row in found), escape(words)])
        for reason in sorted({r for row in lost for r in row}) if kind == "lost" else ():
            name = f'<span class="reason">{escape(reason)}</span>'
            rows.append([name, *(f"{row.get(reason, 0):,}" for row in lost), ""])
    return table(heads, rows, {0, len(heads) - 1})


def _types(one: InLanguage) -> str:
    found = {f.method: by_type(one, f) for f in one.done}
    labels = sorted({label for rows in found.values() for label in rows})
    if len(labels) < 2:
        return ""
    modes = ["f1_strict", "f1_partial"] if one.gold is not None else []
    heads = ["type", "method", *(m.replace("f1_", "F1 ") for m in modes)]
    heads += [kind.replace("_", " ") for kind in kinds(one)]
    rows = [
        [
            f"<bdi>{escape(label)}</bdi>",
            escape(method),
            *(number(row.get(label, {}).get(mode)) for mode in modes),
            *(f"{row.get(label, {}).get(kind, 0):,.0f}" for kind in kinds(one)),
        ]
        for label in labels
        for method, row in found.items()
    ]
    return f"<details open><summary>By type</summary>{table(heads, rows, {0, 1})}</details>"


def _agreement(one: InLanguage) -> str:
    if one.gold is not None or len(one.done) < 2:
        return ""
    names = [f.method for f in one.done]
    rows = []
    for a in names:
        pairs = [one.agreed(a, b) for b in names]
        cells = [f"{number(p.share)} of {p.comparable:,}" if p else "" for p in pairs]
        rows.append([escape(a), *cells])
    note = (
        '<p class="soft">Agreement: source spans that two methods placed alike, or both lost, of '
        "those in a target text that both had.</p>"
    )
    return table(["agreement", *names], rows, {0}) + note


def _signatures(one: InLanguage) -> str:
    lines = "".join(
        f"<li>{escape(score.signature)} = {number(score.value) or 'undefined'}</li>"
        for f in one.done
        for score in scores(one, f)
    )
    return (
        f'<details><summary>Signatures</summary><ul class="signatures">{lines}</ul></details>'
        if lines
        else ""
    )


def number(value: float | None) -> str:
    return "" if value is None or isnan(value) else f"{value:.4f}"
