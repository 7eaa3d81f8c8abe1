"""Document: a comparison as plain values for JSON; NaN becomes null."""

from __future__ import annotations

from math import isnan
from typing import Any

from xltpipe import __version__
from xltpipe.comparison.findings import Comparison, Finding, InLanguage
from xltpipe.comparison.scores import by_type, counts, kinds, reasons, scores, wrong
from xltpipe.evaluation.projection_errors import Outcome
from xltpipe.types import Span, Unit

FORMAT = 1
"""Raised by one when a key changes its meaning."""


def document(comparison: Comparison) -> dict[str, Any]:
    """All that the tables show, and every outcome that is an error with its places."""
    return {
        "format": FORMAT,
        "xltpipe": __version__,
        "recipe": comparison.name,
        "languages": [_language(one) for one in comparison.languages],
    }


def _language(one: InLanguage) -> dict[str, Any]:
    return {
        "source": one.source,
        "lang": one.lang,
        "gold": one.gold is not None,
        "rows": one.rows,
        "rows_left_out": one.left_out,
        "kinds": dict(kinds(one)),
        "methods": [_method(one, finding) for finding in one.findings],
        "agreement": [
            {"methods": list(names), "same": p.same, "comparable": p.comparable, "share": p.share}
            for names, p in one.agreement.items()
        ],
        "errors": _errors(one),
    }


def _method(one: InLanguage, finding: Finding) -> dict[str, Any]:
    out: dict[str, Any] = {
        "method": finding.method,
        "kind": finding.kind,
        "state": finding.state,
        "error": finding.error,
    }
    if finding.state != "done":
        return out
    seconds = finding.seconds
    return out | {
        "aligner": finding.aligner,
        "settings": finding.settings,
        "spans": finding.spans,
        "placed": finding.placed,
        "quarantined": sum(unit.error is not None for unit in finding.units),
        "scores": [
            {
                "name": score.name,
                "value": None if isnan(score.value) else score.value,
                "signature": score.signature,
                "details": score.details,
            }
            for score in scores(one, finding)
        ],
        "outcomes": counts(one, finding),
        "lost": reasons(one, finding),
        "by_type": by_type(one, finding),
        "spans_per_second": finding.spans_per_second,
        "seconds": {
            "project": seconds.project,
            "align": seconds.align,
            "train": seconds.train,
        },
    }


def _errors(one: InLanguage) -> list[dict[str, Any]]:
    """Every outcome of a kind that is an error: row from 1, places as [text, start, end]."""
    wanted = wrong(one)
    return [
        {
            "row": row,
            "id": finding.units[row - 1].source.id,
            "method": finding.method,
            **_outcome(outcome),
            **_placement(finding.units[row - 1], outcome),
        }
        for row, found in enumerate(one.outcomes, 1)
        for finding, outcomes in zip(one.done, found, strict=True)
        for outcome in outcomes
        if outcome.kind in wanted
    ]


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": outcome.kind,
        "label": outcome.label,
        "span": outcome.source,
        "predicted": _place(outcome.predicted),
        "gold": _place(outcome.gold),
        "reason": outcome.reason,
    }


def _placement(unit: Unit, outcome: Outcome) -> dict[str, Any]:
    """How the method came to it: the projector, its confidence, and its rank in a chain."""
    found = next((p for p in unit.placements if p.source == outcome.source), None)
    if found is None:
        return {"by": None, "score": None, "rank": None}
    return {"by": found.method, "score": found.score, "rank": found.rank}


def _place(span: Span | None) -> list[int] | None:
    return None if span is None else [span.text, span.start, span.end]
