"""Scores of a comparison: F1 beside gold, coverage and agreement without; each with a signature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import nan

from xltpipe import __version__
from xltpipe.comparison.findings import Finding, InLanguage
from xltpipe.evaluation import SpanF1
from xltpipe.evaluation.projection_agreement import AGREED, AGREEMENT_KINDS
from xltpipe.evaluation.projection_errors import FINE, KINDS, tally
from xltpipe.evaluation.span_f1 import Mode
from xltpipe.types import Score

MODES: tuple[Mode, ...] = ("strict", "partial")


def kinds(one: InLanguage) -> Mapping[str, str]:
    """The kinds of outcomes that there can be, in words."""
    return AGREEMENT_KINDS if one.gold is None else KINDS


def fine(one: InLanguage) -> frozenset[str]:
    """The kinds that are no error."""
    return AGREED if one.gold is None else FINE


def wrong(one: InLanguage) -> frozenset[str]:
    """The kinds that a person would want to look into."""
    return frozenset(kinds(one)) - fine(one)


def scores(one: InLanguage, finding: Finding) -> list[Score]:
    """Strict and partial span F1 where there is gold, else coverage and mean agreement."""
    if one.gold is not None:
        return [_f1(one, finding, mode) for mode in MODES]
    spans = finding.spans
    return [
        _score(one, finding, "projection_coverage", finding.placed / spans if spans else nan),
        _score(one, finding, "projection_agreement", _mean_agreement(one, finding)),
    ]


@lru_cache(maxsize=64)
def _f1(one: InLanguage, finding: Finding, mode: Mode) -> Score:
    """Span F1 over all rows: a quarantined row holds nothing and counts against the method."""
    gold = list(one.gold or ())
    predicted = [unit.target for unit in finding.units]
    found = SpanF1(mode=mode).build({}).measure(gold, predicted)
    return replace(
        found,
        name="projection_f1",
        signature=signature(one, finding, "projection_f1", {"mode": mode}),
    )


def _score(one: InLanguage, finding: Finding, name: str, value: float) -> Score:
    return Score(name, value, signature(one, finding, name, {}), {})


def _mean_agreement(one: InLanguage, finding: Finding) -> float:
    """With each other method, weighted by the spans that can be compared."""
    mine = [p for names, p in one.agreement.items() if finding.method in names]
    comparable = sum(pairs.comparable for pairs in mine)
    return sum(pairs.same for pairs in mine) / comparable if comparable else nan


def signature(one: InLanguage, finding: Finding, name: str, more: Mapping[str, str]) -> str:
    """`name|mode:strict|method:hmm|aligner:hmm|…`; the agreement also names the other methods."""
    parts = {
        **more,
        "method": finding.method,
        "kind": finding.kind,
        "aligner": finding.aligner,
        "settings": finding.settings,
    }
    if name == "projection_agreement":
        others = [f"{f.method}.{f.settings}" for f in one.done if f is not finding]
        parts["others"] = ",".join(others) or "none"
    parts |= {
        "lang": one.lang,
        "source": one.source,
        "text": "translated" if one.gold is None else "given",
        "n": str(one.rows),
        "v": __version__,
    }
    return "|".join([name, *(f"{key}:{value}" for key, value in parts.items())])


def counts(one: InLanguage, finding: Finding) -> dict[str, int]:
    """Outcomes of a method by kind, all kinds in their order."""
    found = Counter(outcome.kind for outcome in one.of(finding))
    return {kind: found[kind] for kind in kinds(one)}


def reasons(one: InLanguage, finding: Finding) -> dict[str, int]:
    """Lost spans by the method's reason, the most frequent first."""
    found = Counter(o.reason or "unknown" for o in one.of(finding) if o.kind == "lost")
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def by_type(one: InLanguage, finding: Finding) -> dict[str, dict[str, float]]:
    """For each label the outcomes by kind and, where there is gold, F1 strict and partial."""
    found = one.of(finding)
    tallied = tally(found)
    rows: dict[str, dict[str, float]] = {
        label: {kind: tallied[label, kind] for kind in kinds(one)}
        for label in sorted({outcome.label for outcome in found})
    }
    if one.gold is not None:
        for mode in MODES:
            details = _f1(one, finding, mode).details
            for label, row in rows.items():
                if f"f1:{label}" in details:
                    row[f"f1_{mode}"] = details[f"f1:{label}"]
    return rows
