"""The sections of results and of time."""

from __future__ import annotations

from collections.abc import Mapping

from xltpipe.compared.transfer import NOTE, caption, grid, of_run
from xltpipe.evaluation.statistics import interval_in
from xltpipe.hypertext import table, text
from xltpipe.languages import resolve
from xltpipe.reporting import charts
from xltpipe.reporting.findings import Essentials, Findings
from xltpipe.reporting.sections import beside, section


def results(found: Essentials) -> str:
    """The scores of trained taggers, each with its signature."""
    if not found.results:
        told = '<p class="soft">This run scored no tagger.</p>'
        return section("results", "Results", [told])
    rows = []
    for row in found.results:
        d = dict(row["details"])
        interval = _ends(d)
        rows.append(
            [
                text(row["strategy"]),
                text(f"{resolve(row['lang']).name}, {row['test']}"),
                text(row["metric"]),
                f"<b>{row['value']:.4f}</b>",
                interval,
                *(f"{d[name]:.4f}" if name in d else "" for name in ("precision", "recall")),
            ]
        )
    heads = ["strategy", "test", "metric", "value", "95 %", "precision", "recall"]
    signatures = "".join(
        f"<li>{text(row['signature'])} = {row['value']:.4f}</li>" for row in found.results
    )
    return section(
        "results",
        "Results",
        [
            table(heads, rows, {0, 1, 2}),
            _transfer(found),
            beside(charts.results(found.results), f'<ul class="signatures">{signatures}</ul>'),
        ],
    )


def _transfer(found: Essentials) -> str:
    """What was transferred and forgotten, where languages were learnt one after another."""
    sequence = of_run(found.results)
    if sequence is None:
        return ""
    names, lines = grid(sequence)
    shown = [[text(value) for value in line] for line in lines]
    told = f"<h3>Learnt one after another: {text(caption(sequence))}</h3>"
    return f'{told}{table(names, shown, {0})}<p class="soft">{text(NOTE)}</p>'


def timing(found: Findings) -> str:
    """What each stage took, and how much of it was on the shelf already."""
    if not found.took:
        return section("timing", "Time", ['<p class="soft">No step has ended.</p>'])
    seconds: dict[str, float] = {}
    for one in found.took:
        seconds[one.stage] = seconds.get(one.stage, 0.0) + one.seconds
    rows = [
        [
            text(one.stage),
            text(resolve(one.lang).name),
            f"{one.made:,}",
            f"{one.reused:,}",
            f"{one.rows:,}",
            f"{one.seconds:,.2f}",
            "" if one.rate is None else f"{one.rate:,.0f}",
            f"{one.bytes / 1e6:,.2f}",
        ]
        for one in found.took
    ]
    heads = ["stage", "language", "made", "reused", "rows", "seconds", "rows/s", "MB"]
    note = (
        '<p class="soft">Seconds of work in each stage, loading of models included, summed '
        "over its artefacts (several may have been made at once). <i>Reused</i>: on the shelf "
        "before this run began, with the seconds that they took then.</p>"
    )
    return section(
        "timing", "Time", [beside(charts.times(seconds), note), table(heads, rows, {0, 1})]
    )


def _ends(details: Mapping[str, float]) -> str:
    ends = interval_in(details)
    return "" if ends is None else f"{ends[0]:.3f}–{ends[1]:.3f}"
