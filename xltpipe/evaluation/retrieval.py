"""Retrieval: MAP and MRR of ranked lists, as functions and of ranked spans (Manning et al., 2008).

An example's predicted spans may be a ranked list, best first: the n best answers to a question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from math import nan
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from xltpipe.evaluation.signing import check_context
from xltpipe.evaluation.statistics import Measuring, Resampled, Row, divided
from xltpipe.types import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_OWN_KEYS = frozenset({"k", "ideal", "n", "v"})


def average_precision(hits: Iterable[bool], relevant: int, k: int | None = None) -> float:
    """Mean over the relevant items of precision where each stands among the first `k`.

    `hits` tell of each ranked item, best first, whether it is relevant; `relevant` is how many
    items are. Those that could not all be among `k` are not asked for: the best is 1. NaN where
    nothing is relevant.
    """
    if relevant <= 0:
        return nan
    found, summed = 0, 0.0
    for rank, hit in enumerate(islice(hits, k), 1):
        if hit:
            found += 1
            summed += found / rank
    return summed / (relevant if k is None else min(relevant, k))


def reciprocal_rank(hits: Iterable[bool], k: int | None = None) -> float:
    """One over the rank of the first relevant item among the first `k`; 0 where there is none."""
    return next((1 / rank for rank, hit in enumerate(islice(hits, k), 1) if hit), 0.0)


class Retrieval(Resampled):
    """Settings: which score is the main one, and how far down the list it looks."""

    kind: Literal["retrieval"] = "retrieval"
    main: Literal["map", "mrr"] = "map"
    k: int = Field(default=10, ge=1)

    def build(self, context: Mapping[str, str]) -> RetrievalMetric:
        """Make the metric; `context` (test, lang, seed, ...) goes into every signature.

        Raises:
            RecipeError: a context key or value cannot stand in a signature.
        """
        check_context(context, _OWN_KEYS)
        return RetrievalMetric(self, context)


class RetrievalMetric(Measuring):
    """Compares predicted spans, best first, with gold spans: bounds, label and text must be equal.

    Examples without a gold span have nothing to find; they are left out. `details`: map, mrr,
    queries (examples with a gold span), unanswerable (those without).
    """

    def __init__(self, spec: Retrieval, context: Mapping[str, str]) -> None:
        super().__init__(spec, spec.main, context)
        self._k = spec.k

    @property
    def name(self) -> str:
        return f"{self._main}@{self._k}"

    def rows(self, pairs: Sequence[tuple[Example, Example]]) -> list[Row]:
        """Average precision, reciprocal rank, queries, examples without."""
        return [self._row(right, guess) for right, guess in pairs]

    def values(self, totals: Floats) -> Floats:
        return divided(totals[:, 0 if self._main == "map" else 1], totals[:, 2])

    def details(self, rows: Sequence[Row], totals: Floats) -> dict[str, float]:  # noqa: ARG002
        precision, rank, queries, unanswerable = totals.tolist()
        out = {"queries": queries, "unanswerable": unanswerable}
        return out | ({"map": precision / queries, "mrr": rank / queries} if queries else {})

    def parts(self, gold: Sequence[Example]) -> tuple[dict[str, str], dict[str, str]]:  # noqa: ARG002
        return {"k": str(self._k), "ideal": "min(relevant,k)"}, {}

    def _row(self, gold: Example, predicted: Example) -> Row:
        truth = set(gold.spans)
        if not truth:
            return 0.0, 0.0, 0.0, 1.0
        hits = [span in truth for span in dict.fromkeys(predicted.spans)]
        return (
            average_precision(hits, len(truth), self._k),
            reciprocal_rank(hits, self._k),
            1.0,
            0.0,
        )
