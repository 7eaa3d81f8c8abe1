"""Quality: score every unit once, then decide by thresholds, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

from pydantic import FiniteFloat, model_validator

from xltpipe.protocols import Scorer
from xltpipe.quality.case import SpanCase
from xltpipe.quality.language import TargetLanguage
from xltpipe.quality.scorers import (
    Copied,
    LengthRatio,
    MarkerResidue,
    SpansPlaced,
    TargetWords,
    Truncated,
)
from xltpipe.spec import Spec

SCORERS: Mapping[str, type[Scorer]] = {
    "spans_placed": SpansPlaced,
    "target_words": TargetWords,
    "copied": Copied,
    "length_ratio": LengthRatio,
    "target_language": TargetLanguage,
    "truncated": Truncated,
    "marker_residue": MarkerResidue,
    "span_case": SpanCase,
}
"""Every scorer by the name of its column."""

REASONS: Mapping[str, str] = {
    "spans_placed": "span_lost",
    "target_words": "empty",
    "copied": "untranslated",
    "length_ratio": "length_ratio",
    "target_language": "wrong_language",
    "truncated": "truncated",
    "marker_residue": "marker_residue",
    "span_case": "span_doubtful",
}
"""The reason that a row gets when the rule on this column fails it."""


class Limits(Spec):
    """A rule: the row fails if its score lies outside. A score without meaning (NaN) passes."""

    min: FiniteFloat | None = None
    max: FiniteFloat | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Limits:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min must not be above max, was: {self.min} > {self.max}")
        return self

    def holds(self, score: float) -> bool:
        if isnan(score):
            return True
        return (self.min is None or score >= self.min) and (self.max is None or score <= self.max)


class Rules(Spec):
    """One rule per score; `false` in a recipe switches a rule off (the score is still stored)."""

    spans_placed: Limits | None = Limits(min=1.0)
    target_words: Limits | None = Limits(min=1.0)
    copied: Limits | None = Limits(max=0.9)  # OpusFilter's similarity limit
    length_ratio: Limits | None = Limits(min=1 / 3, max=3.0)  # OpusFilter, hardrules
    target_language: Limits | None = Limits(min=0.5)
    truncated: Limits | None = Limits(max=0.0)
    marker_residue: Limits | None = Limits(max=0.0)
    span_case: Limits | None = None

    @model_validator(mode="before")
    @classmethod
    def _off(cls, data: object) -> object:
        if isinstance(data, dict):
            return {k: None if v is False else v for k, v in data.items()}
        return data

    def verdict(self, scores: Mapping[str, float]) -> tuple[str, ...]:
        """The reasons of all rules that these scores fail, in the order of the rules."""
        out = []
        for name in type(self).model_fields:
            limits: Limits | None = getattr(self, name)
            if limits is not None and name in scores and not limits.holds(scores[name]):
                out.append(REASONS[name])
        return tuple(out)


def scorers() -> dict[str, Scorer]:
    """All scorers, built."""
    return {name: scorer() for name, scorer in SCORERS.items()}
