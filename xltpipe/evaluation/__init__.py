"""Evaluation: scores that carry their signatures, and tests of the differences between them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import BeforeValidator, Field

from xltpipe.evaluation.answers import Answers
from xltpipe.evaluation.classification import Classification
from xltpipe.evaluation.events import Events
from xltpipe.evaluation.retrieval import Retrieval
from xltpipe.evaluation.span_f1 import SpanF1
from xltpipe.evaluation.translation import Translation
from xltpipe.kinds import Task


def _with_kind(settings: object) -> object:
    """Recipes of the time when there was one metric do not say which."""
    if isinstance(settings, dict) and "kind" not in settings:
        return {"kind": "span_f1", **settings}
    return settings


MetricSpec = Annotated[
    Annotated[
        SpanF1 | Classification | Answers | Events | Retrieval | Translation,
        Field(discriminator="kind"),
    ],
    BeforeValidator(_with_kind),
]

_DEFAULTS: Mapping[Task, MetricSpec] = MappingProxyType(
    {
        "spans": SpanF1(),
        "events": Events(),
        "classification": Classification(),
        "pairs": Classification(),
        "qa": Answers(),
        "choice": Classification(),
        "instructions": Translation(),
        "parallel": Translation(),
    }
)


METRICS: Mapping[Task, tuple[str, ...]] = MappingProxyType(
    {
        "spans": ("span_f1",),
        "events": ("events", "span_f1"),
        "classification": ("classification",),
        "pairs": ("classification",),
        "qa": ("answers", "span_f1", "retrieval"),
        "choice": ("classification",),
        "instructions": ("translation",),
        "parallel": ("translation",),
    }
)
"""The kinds of metric that can measure a kind of task."""


def default_metric(task: Task) -> MetricSpec:
    """The metric of a kind of task, where a recipe names none."""
    return _DEFAULTS[task]


__all__ = [
    "METRICS",
    "Answers",
    "Classification",
    "Events",
    "MetricSpec",
    "Retrieval",
    "SpanF1",
    "Translation",
    "default_metric",
]
