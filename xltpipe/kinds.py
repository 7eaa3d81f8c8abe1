"""Kinds of task: what an example of each holds, and what of it is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Task = Literal[
    "spans",
    "events",
    "classification",
    "pairs",
    "qa",
    "choice",
    "instructions",
    "parallel",
]
"""The kinds of task, see `TASKS`."""

TASKS: Mapping[str, str] = MappingProxyType(
    {
        "spans": "labelled stretches of texts: names, opinion targets, argument components",
        "events": "spans joined by links: a trigger and its arguments, each with a role",
        "classification": "one label for one text: topic, sentiment",
        "pairs": "one label for two texts: inference, relatedness, paraphrase",
        "qa": "texts are question and context, spans `answer` lie in the context, or there is none",
        "choice": "texts are a question (or context and question) and its options, in their order; "
        "the label is the number of the right option among them, from 0",
        "instructions": "texts are the turns, in order; the last is the response to learn",
        "parallel": "texts are a sentence and its translation",
    }
)
"""What each kind is, in words."""

LABELS: frozenset[Task] = frozenset({"classification", "pairs", "choice"})
"""Kinds whose examples have one label, and no spans."""

WRITTEN: frozenset[Task] = frozenset({"instructions", "parallel"})
"""Kinds whose last text is what is learnt and predicted."""
