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

from xltpipe.evaluation.interval import bootstrap
from xltpipe.evaluation.signing import check_context, check_parallel, nameable, signature
from xltpipe.evaluation.statistics import Row, Statistics, collected, f1, plain, ratios
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
        return nameable("labels", labels)

    def build(self, context: Mapping[str, str]) -> SpanMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
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
        by_type: dict[str, list[float]] = {}
        sentences: Counter[Counts] = Counter()
        for right, guess in check_parallel(gold, predicted):
            found = self._count(right, guess)
            for label, counts in found.items():
                row = by_type.setdefault(label, [0.0, 0, 0])
                for i, count in enumerate(counts):
                    row[i] += count
            sentences[_summed(found)] += 1
        micro = [sum(row[i] for row in by_type.values()) for i in range(3)]
        details = ratios(micro) | {"credit": float(micro[0])}
        for label in sorted(by_type):
            details |= {f"{name}:{label}": x for name, x in ratios(by_type[label]).items()}
        details |= self._interval(sentences)
        return Score("span_f1", details.get("f1", nan), self._signature(gold), details)

    def statistics(self, gold: Sequence[Example], *systems: Sequence[Example]) -> Statistics:
        """Credit, predicted and gold spans of each example, for comparisons between systems.

        Raises:
            DataError: a system's examples are not the gold ones, in the same order.
        """
        rows: list[list[Row]] = [
            [_summed(self._count(*pair)) for pair in check_parallel(gold, predicted)]
            for predicted in systems
        ]
        return collected(rows, plain, f1)

    def _interval(self, sentences: Counter[Counts]) -> dict[str, float]:
        import numpy as np

        if not self._spec.resamples or not sentences:
            return {}
        kinds = sorted(sentences)
        interval = bootstrap(
            np.array(kinds, dtype=np.float64),
            np.array([sentences[kind] for kind in kinds]),
            f1,
            self._spec.resamples,
            self._spec.bootstrap_seed,
        )
        return dict(zip(("f1_low", "f1_high"), interval or (), strict=False))

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
        own = {"mode": self._spec.mode, "avg": "micro"}
        types = "all" if self._spec.labels is None else ",".join(self._spec.labels)
        return signature("span_f1", own, self._context, gold, {"types": types})


def _summed(by_type: Mapping[str, Counts]) -> Counts:
    credit, predicted, gold = (sum(c[i] for c in by_type.values()) for i in range(3))
    return float(credit), int(predicted), int(gold)


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
