"""The sections of labels: what became of them, by which method, whether their mixture shifted."""

from __future__ import annotations

from math import isnan

from xltpipe.hypertext import table, text
from xltpipe.quality.drift import Drift
from xltpipe.reporting import charts
from xltpipe.reporting.findings import Findings
from xltpipe.reporting.labels import Labels, Survival
from xltpipe.reporting.sections import beside, section, where

LABELS = 60
"""Labels of one table; further ones are counted below it."""


def labels(found: Findings) -> str:
    """What became of the spans of each label, and whether their mixture shifted."""
    body = [part for one in found.labels for part in _labels(one)]
    if not body:
        body = ['<p class="soft">This run labelled nothing.</p>']
    return section("labels", "Labels", body)


_ABOUT_DRIFT = (
    '<p class="soft">With <i>p</i> the labels\' shares in all source rows and <i>q</i> in the kept '
    "target rows, the total variation distance is ½ Σ |<i>q</i> − <i>p</i>|, from 0 (the same) "
    "to 1 (nothing in common); the Jensen–Shannon divergence is ½ KL(<i>p</i> ‖ <i>m</i>) + ½ "
    "KL(<i>q</i> ‖ <i>m</i>) with <i>m</i> = ½ (<i>p</i> + <i>q</i>), from 0 to 1 bit.</p>"
)


def _labels(one: Labels) -> list[str]:
    of = "" if one.of == "spans" else " (labels of whole rows)"
    body = [f"<h3>{text(where(one.lang, one.split))}{of}</h3>", _survival(one)]
    left = len(one.found) - LABELS
    if left > 0:
        rest = sum(s.source for s in one.found[LABELS:])
        body.append(f'<p class="soft">{left:,} rarer labels ({rest:,} {one.of}) not listed.</p>')
    drift = one.drift
    if not isnan(drift.total_variation):
        body.append(beside(charts.drift(drift), _told(drift) + _ABOUT_DRIFT))
    return body


def _told(drift: Drift) -> str:
    moved = f", mostly <bdi>{text(drift.moved)}</bdi>" if drift.moved is not None else ""
    return (
        f"<p>Drift: total variation distance <b>{drift.total_variation:.4f}</b>{moved}. "
        f"Two samples of these sizes from one distribution have {drift.expected:.4f} on average; "
        f"as much as here, or more, with p = {drift.p_value:.4f}. "
        f"Jensen–Shannon divergence: <b>{drift.divergence:.4f}</b> bit.</p>"
    )


def _survival(one: Labels) -> str:
    spans = one.of == "spans"
    why = sorted({reason for label in one.found for reason in label.lost})
    heads = ["label", f"{one.of} in source"]
    heads += [*(["placed", "lost", *why] if spans else []), "in quarantine"]
    heads += ["in kept rows", "survived", ""]
    total = Survival("all")
    for label in one.found:
        total.source += label.source
        total.placed += label.placed
        total.quarantined += label.quarantined
        total.kept += label.kept
        total.lost.update(label.lost)
    listed = [*one.found[:LABELS], *([total] if len(one.found) > 1 else [])]
    rows = [
        [
            "<i>all</i>" if label is total else f"<bdi>{text(label.label)}</bdi>",
            f"{label.source:,}",
            *([f"{label.placed:,}", f"{label.lost.total():,}"] if spans else []),
            *([f"{label.lost[reason]:,}" for reason in why] if spans else []),
            f"{label.quarantined:,}",
            f"{label.kept:,}",
            f"{label.kept / label.source:.1%}" if label.source else "",
            _meter(label.kept, label.source),
        ]
        for label in listed
    ]
    return table(heads, rows, {0, len(heads) - 1})


def _meter(part: int, whole: int) -> str:
    share = min(1.0, part / whole) if whole else 0.0
    return (
        '<svg class="meter" viewBox="0 0 100 1" preserveAspectRatio="none" role="img" '
        f'aria-label="{share:.0%}"><rect width="{100 * share:.2f}" height="1"/></svg>'
    )


def projection(found: Findings) -> str:
    """Which methods placed the labels, and what steps counted on the way."""
    body = []
    if found.methods:
        rows = [
            [
                text(m.method),
                f"{m.rank + 1}",
                text(where(m.lang, m.split)),
                f"{m.spans:,}",
                f"{m.placed:,}",
                f"{m.placed / m.spans:.1%}",
                "" if m.score is None else f"{m.score:.3f}",
            ]
            for m in found.methods
        ]
        heads = ["method", "place in chain", "where", "spans", "placed", "share", "mean score"]
        body.append(table(heads, rows, {0, 2}))
    else:
        body.append('<p class="soft">No span was projected.</p>')
    body.append("<h3>Met on the way</h3>")
    if found.counted:
        rows = [
            [
                text(c.strategy),
                text(where(c.lang, c.split)),
                c.stage,
                text(c.words),
                f"{c.number:,}",
            ]
            for c in found.counted
        ]
        body.append(table(["strategy", "where", "stage", "what", "number"], rows, {0, 1, 2, 3}))
    else:
        body.append('<p class="soft">Nothing was repaired, left out or cut.</p>')
    return section("projection", "Projection and counts", body)
