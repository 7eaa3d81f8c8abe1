"""SpanF1: precision, recall and F1 of labelled spans, with a signature and an interval.

Strict counts are those of conlleval (Tjong Kim Sang & De Meulder, 2003) and seqeval, on exact
character spans instead of tags. Partial credit follows SemEval-2013 task 9 (Segura-Bedmar et
al., 2013), but asks for the right label too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import nan
from typing import Literal

from pydantic import Field, field_validator

from xltpipe import __version__
from xltpipe.errors import DataError, RecipeError
from xltpipe.evaluation.interval import bootstrap
from xltpipe.protocols import Metric
from xltpipe.spec import Spec
from xltpipe.types import Example, Score, Span

Mode = Literal["strict", "partial"]
Counts = tuple[float, int, int]
"""Credit, predicted spans, gold spans."""

_OWN_KEYS = frozenset({"mode", "avg", "n", "types", "v"})


class SpanF1(Spec):
    """Settings of the span score.

    `mode` strict: a predicted span is right if start, end, label and text equal a gold span's.
    `mode` partial: exact spans count 1; of the rest, each predicted span that overlaps a gold
    span of the same label counts 0.5; one to one, the longest overlap first, then the leftmost.
    `labels` keeps only these types on both sides (to leave out a type one side does not know).
    """

    kind: Literal["span_f1"] = "span_f1"
    mode: Mode = "strict"
    labels: tuple[str, ...] | None = None
    resamples: int = Field(default=1000, ge=0)  # bootstrap over sentences; 0: no interval
    bootstrap_seed: int = 12345  # of the interval only; sacrebleu's default

    @field_validator("labels")
    @classmethod
    def _nameable(cls, labels: tuple[str, ...] | None) -> tuple[str, ...] | None:
        bad = [label for label in labels or () if not label or set(label) & set("|,:")]
        if labels is not None and (bad or not labels):
            raise ValueError(f"labels must be names without any of '|,:', was: {labels}")
        return None if labels is None else tuple(sorted(set(labels)))

    def build(self, context: Mapping[str, str]) -> Metric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        for key, value in context.items():
            if key in _OWN_KEYS or not key or set(key) & set("|:") or "|" in value:
                raise RecipeError(
                    "Signature part must be a key without '|:' and not of the metric's own "
                    f"({', '.join(sorted(_OWN_KEYS))}), and a value without '|', "
                    f"was: {key}={value!r}"
                )
        return SpanMetric(self, context)


class SpanMetric:
    """Compares character spans. Spans are a set per example: saying one twice counts once.

    A fair comparison needs predictions on the gold words (`Example.tokens`): a tagger that cut
    the text itself is also scored on its word bounds.
    """

    def __init__(self, spec: SpanF1, context: Mapping[str, str]) -> None:
        self._spec = spec
        self._context = dict(context)

    def measure(self, gold: Sequence[Example], predicted: Sequence[Example]) -> Score:
        """F1 over all types (micro); NaN where neither side has a span.

        `details`: precision, recall, f1, credit, support (gold spans) and predicted, all but
        credit by type too (`f1:PER`), and f1_low, f1_high, the 95 % interval. A ratio whose
        denominator is 0 is left out.

        Raises:
            DataError: the examples are not the same, in the same order.
        """
        _check_parallel(gold, predicted)
        by_type: dict[str, list[float]] = {}
        sentences: Counter[Counts] = Counter()
        for right, guess in zip(gold, predicted, strict=True):
            total = [0.0, 0, 0]
            for label, counts in self._count(right, guess).items():
                row = by_type.setdefault(label, [0.0, 0, 0])
                for i, count in enumerate(counts):
                    row[i] += count
                    total[i] += count
            sentences[total[0], int(total[1]), int(total[2])] += 1
        micro = [sum(row[i] for row in by_type.values()) for i in range(3)]
        details = _ratios(micro) | {"credit": float(micro[0])}
        for label in sorted(by_type):
            details |= {f"{name}:{label}": x for name, x in _ratios(by_type[label]).items()}
        if self._spec.resamples and sentences:
            interval = bootstrap(sentences, self._spec.resamples, self._spec.bootstrap_seed)
            details |= dict(zip(("f1_low", "f1_high"), interval or (), strict=False))
        return Score("span_f1", details.get("f1", nan), self._signature(gold), details)

    def _count(self, gold: Example, predicted: Example) -> dict[str, Counts]:
        """Credit, predicted and gold spans of one example, by type."""
        right, guess = self._kept(gold), self._kept(predicted)
        out: dict[str, Counts] = {}
        for label in {span.label for span in right | guess}:
            a = {span for span in right if span.label == label}
            b = {span for span in guess if span.label == label}
            credit = float(len(a & b))
            if self._spec.mode == "partial":
                credit += 0.5 * _overlapping(a - b, b - a)
            out[label] = (credit, len(b), len(a))
        return out

    def _kept(self, example: Example) -> set[Span]:
        labels = self._spec.labels
        return {span for span in example.spans if labels is None or span.label in labels}

    def _signature(self, gold: Sequence[Example]) -> str:
        context = {"lang": "+".join(sorted({e.lang for e in gold})) or "none"} | self._context
        parts = {"mode": self._spec.mode, "avg": "micro"}
        parts |= dict(sorted(context.items()))
        parts |= {
            "n": str(len(gold)),
            "types": "all" if self._spec.labels is None else ",".join(self._spec.labels),
            "v": __version__,
        }
        return "|".join(["span_f1", *(f"{key}:{value}" for key, value in parts.items())])


def _overlapping(gold: set[Span], predicted: set[Span]) -> int:
    """How many pairs of overlapping spans can be taken, one to one, longest overlap first."""
    pairs = sorted(
        (-overlap, a.text, a.start, a.end, b.start, b.end)
        for a in gold
        for b in predicted
        if a.text == b.text and (overlap := min(a.end, b.end) - max(a.start, b.start)) > 0
    )
    used_gold: set[tuple[int, int, int]] = set()
    used_predicted: set[tuple[int, int, int]] = set()
    for _, text, *bounds in pairs:
        a, b = (text, bounds[0], bounds[1]), (text, bounds[2], bounds[3])
        if a not in used_gold and b not in used_predicted:
            used_gold.add(a)
            used_predicted.add(b)
    return len(used_gold)


def _ratios(counts: Sequence[float]) -> dict[str, float]:
    """What is defined of precision, recall and F1; NaN would make the stored JSON invalid."""
    credit, predicted, support = counts
    out = {"support": float(support), "predicted": float(predicted)}
    if predicted:
        out["precision"] = credit / predicted
    if support:
        out["recall"] = credit / support
    if predicted or support:
        out["f1"] = 2 * credit / (predicted + support)
    return out


def _check_parallel(gold: Sequence[Example], predicted: Sequence[Example]) -> None:
    if len(gold) != len(predicted):
        raise DataError(
            f"Predictions must be one per gold example, was: {len(predicted)} for {len(gold)}"
        )
    for row, (right, guess) in enumerate(zip(gold, predicted, strict=True)):
        if right.id != guess.id or right.texts != guess.texts:
            raise DataError(
                f"Predicted example must have the id and texts of the gold one, was: "
                f"{guess.id!r} {guess.texts} for {right.id!r} {right.texts} (row {row}); "
                "predict on the gold examples themselves, in their order"
            )
