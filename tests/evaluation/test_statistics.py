"""What all metrics share: counts that sum up, intervals, refusals, and how recipes name them."""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from xltpipe.errors import DataError, RecipeError
from xltpipe.evaluation import (
    Answers,
    Classification,
    Events,
    MetricSpec,
    Retrieval,
    SpanF1,
    Translation,
    default_metric,
)
from xltpipe.evaluation.statistics import interval_of
from xltpipe.kinds import TASKS
from xltpipe.types import Example, Link, Span

SPECS = [
    SpanF1(),
    SpanF1(mode="partial"),
    Classification(),
    Classification(main="macro_f1"),
    Answers(),
    Answers(main="em"),
    *(Events(main=f"{a}_{b}") for a in ("trigger", "argument") for b in ("identification", "classification")),
    Retrieval(),
    Retrieval(main="mrr"),
    Translation(),
    Translation(main="bleu"),
]  # fmt: skip
TEXTS = ("Who met Eva in Rome?", "Ana met Eva in Rome on Monday.")
ANSWERS = (Span(0, 3, "answer", 1), Span(8, 11, "answer", 1), Span(15, 19, "answer", 1))


def example(number: int, choice: int) -> Example:
    turned = ANSWERS[choice % 3 :] + ANSWERS[: choice % 3]
    trigger = Span(4, 7 - (choice == 11), "See" if choice > 8 else "Meet", 1)
    spans = (*turned[: 1 + choice % 2], trigger)
    links = tuple(Link(len(spans) - 1, n, "ABC"[choice % 2]) for n in range(len(spans) - 1))
    return Example(str(number), "eng", TEXTS, spans, "abc"[choice % 3], links=links)


def system(spec: Any, seed: int, n: int = 40) -> list[Example]:
    made = [
        example(i, int(c)) for i, c in enumerate(np.random.default_rng(seed).integers(0, 12, n))
    ]
    if not isinstance(spec, Translation):
        return made
    return [replace(e, texts=(TEXTS[0], f"{e.label} {TEXTS[1]}"), spans=(), links=()) for e in made]


def name(spec: Any) -> str:
    return str(spec.build({}).measure([], []).name)


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_counts_sum_up_to_the_score(spec: Any) -> None:
    gold, *systems = (system(spec, seed) for seed in range(4))
    metric = spec.build({})
    found = metric.statistics(gold, *systems)
    scores = [metric.measure(gold, predicted) for predicted in systems]
    assert [found.value(i) for i in range(3)] == pytest.approx([s.value for s in scores])
    assert all(0 < s.value < 100 for s in scores)
    for score in scores:
        low, high = interval_of(score) or (1.0, 0.0)
        assert low < score.value < high
        assert not any(isnan(x) for x in score.details.values())
    # one example alone scores as its own row of counts
    one = metric.measure(gold[:1], systems[0][:1]).value
    row = found.kinds[found.systems[0][:1]]
    assert found.values(row)[0] == pytest.approx(one, nan_ok=True)


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_interval_covers_what_scores_of_other_examples_are(spec: Any) -> None:
    """The interval of 200 examples holds the score of 1,000 more of their kind."""
    metric = type(spec)(**{**dict(spec), "resamples": 200}).build({})
    low, high = interval_of(metric.measure(system(spec, 1, 200), system(spec, 2, 200))) or (1, 0)
    many = metric.measure(system(spec, 3, 1000), system(spec, 4, 1000)).value
    assert low < many < high


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_scores_repeat_and_the_order_of_rows_does_not_matter(spec: Any) -> None:
    gold, predicted = system(spec, 1), system(spec, 2)
    score = spec.build({}).measure(gold, predicted)
    assert spec.build({}).measure(gold, predicted) == score
    assert spec.build({}).measure(gold[::-1], predicted[::-1]).details == pytest.approx(
        score.details
    )
    without = type(spec)(**{**dict(spec), "resamples": 0}).build({}).measure(gold, predicted)
    assert interval_of(without) is None


@pytest.mark.parametrize("spec", SPECS, ids=name)
def test_other_examples_are_refused(spec: Any) -> None:
    gold = system(spec, 1, 3)
    metric = spec.build({})
    for wrong, message in (
        (gold[:2], "must be one per gold example, was: 2 for 3"),
        ([gold[0], gold[2], gold[1]], r"must have the id and texts of the gold one, was: '2' .*row 1"),
        ([replace(e, texts=("x", e.texts[1])) if e.id == "2" else e for e in gold], "row 2"),
    ):  # fmt: skip
        spans_gone = [replace(e, spans=(), links=()) for e in wrong]
        for use in (metric.measure, metric.statistics):
            with pytest.raises(DataError, match=message):
                use(gold, spans_gone)
    with pytest.raises(RecipeError, match="Signature part must be"):
        spec.build({"v": "1"})


def test_every_task_has_a_metric() -> None:
    kinds = {task: default_metric(task).kind for task in TASKS}
    assert kinds == {
        "spans": "span_f1",
        "events": "events",
        "classification": "classification",
        "pairs": "classification",
        "qa": "answers",
        "choice": "classification",
        "instructions": "translation",
        "parallel": "translation",
    }


def test_settings_without_a_kind_are_of_the_first_metric() -> None:
    load = TypeAdapter(MetricSpec).validate_python
    assert load({"mode": "partial"}) == SpanF1(mode="partial")
    assert load({}).identity() == SpanF1().identity()
    assert load({"kind": "answers", "main": "em"}) == Answers(main="em")
    assert load(Answers()) == Answers()
