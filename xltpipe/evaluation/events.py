"""Events: F1 of triggers and of their arguments, found (identification) and named (classification).

Triggers as in Li, Ji & Huang (2013). An argument is right only at the right trigger, of the right
event type: stricter than their criterion, which asks for the type alone and so lets two events of
one type swap arguments (Peng et al., 2023).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from xltpipe.evaluation.signing import check_context, nameable
from xltpipe.evaluation.statistics import Measuring, Resampled, Row, f1, ratios
from xltpipe.types import Example, Span

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

EventScore = Literal[
    "trigger_identification",
    "trigger_classification",
    "argument_identification",
    "argument_classification",
]
SCORES: tuple[EventScore, ...] = (
    "trigger_identification",
    "trigger_classification",
    "argument_identification",
    "argument_classification",
)

_OWN_KEYS = frozenset({"match", "avg", "triggers", "n", "v"})
Items = list[set[tuple[object, ...]]]


class Events(Resampled):
    """Settings: which F1 is the main one, and which spans are triggers.

    `triggers` are the labels of triggers. Without it they are the spans from which a link goes
    out, and those to which none leads: say it where the data labels entities that have no role.
    """

    kind: Literal["events"] = "events"
    main: EventScore = "argument_classification"
    triggers: tuple[str, ...] | None = None

    @field_validator("triggers")
    @classmethod
    def _nameable(cls, triggers: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return nameable("triggers", triggers)

    def build(self, context: Mapping[str, str]) -> EventsMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
        return EventsMetric(self, context)


class EventsMetric(Measuring):
    """Compares spans and links, exactly; each is said once per example.

    - trigger_identification: the bounds of a gold trigger; trigger_classification: its label too.
    - argument_identification: a link from a right trigger (bounds and label) to the bounds of a
      gold argument; argument_classification: its role too. The argument's own label is not asked.

    `details`: f1, precision, recall, support and predicted of each (`f1:trigger_identification`),
    and the main F1 as `f1`.
    """

    def __init__(self, spec: Events, context: Mapping[str, str]) -> None:
        super().__init__(spec, "f1", context)
        self._spec = spec

    @property
    def name(self) -> str:
        return f"{self._spec.main}_f1"

    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """Right, predicted and gold items of each of `SCORES`."""
        return [self._row(right, guess) for right, guess in pairs]

    def values(self, totals: Floats) -> Floats:
        start = 3 * SCORES.index(self._spec.main)
        return f1(totals[:, start : start + 3])

    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:  # noqa: ARG002
        out: dict[str, float] = {"f1": float(self.values(totals[None])[0])}
        for name, counts in zip(SCORES, totals.reshape(4, 3).tolist(), strict=True):
            out |= ratios(counts, f":{name}")
        return out

    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:  # noqa: ARG002
        told = self._spec.triggers
        triggers = "heads+unlinked" if told is None else ",".join(told)
        return {"match": "strict", "avg": "micro", "triggers": triggers}, {}

    def _row(self, gold: Example, predicted: Example) -> Row:
        pairs = zip(self._items(gold), self._items(predicted), strict=True)
        return tuple(n for a, b in pairs for n in (len(a & b), len(b), len(a)))

    def _items(self, example: Example) -> Items:
        spans = example.spans
        heads, tails = {x.head for x in example.links}, {x.tail for x in example.links}
        if self._spec.triggers is None:
            triggers = {n for n in range(len(spans)) if n in heads or n not in tails}
        else:
            triggers = {n for n, span in enumerate(spans) if span.label in self._spec.triggers}
        named = {n: (*_place(spans[n]), spans[n].label) for n in triggers}
        arguments = [
            (named[x.head], _place(spans[x.tail]), x.label)
            for x in example.links
            if x.head in triggers
        ]
        return [
            {_place(spans[n]) for n in triggers},
            set(named.values()),
            {(head, tail) for head, tail, _ in arguments},
            set(arguments),
        ]


def _place(span: Span) -> tuple[int, int, int]:
    return span.text, span.start, span.end
