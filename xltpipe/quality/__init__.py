"""Quality: score every unit once, then decide by thresholds, each with its reason.

`SCORERS` need no settings and run on every unit; those of `Quality` run where the recipe says so.
Their columns, in this order, are the rules of a recipe and the scores of the catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, create_model, model_validator

from xltpipe.quality import (
    agreement,
    alignment,
    confidence,
    copies,
    currency,
    duplicates,
    embedding,
    engine,
    estimation,
    labels,
    language,
    lengths,
    llm,
    numerals,
    pairs,
    phrases,
    punctuation,
    repetition,
    residue,
    round_trip,
    span_edges,
    span_text,
    verbatim,
    writing,
)
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.combination import COLUMN as COMBINED
from xltpipe.quality.scorer import Scorer
from xltpipe.spec import Spec

SCORERS: tuple[Scorer, ...] = (
    *labels.SCORERS,
    *span_text.SCORERS,
    *span_edges.SCORERS,
    *confidence.SCORERS,
    *pairs.SCORERS,
    *lengths.SCORERS,
    *copies.SCORERS,
    *repetition.SCORERS,
    *writing.SCORERS,
    *numerals.SCORERS,
    *currency.SCORERS,
    *verbatim.SCORERS,
    *punctuation.SCORERS,
    *residue.SCORERS,
    *phrases.SCORERS,
    *engine.SCORERS,
    *language.SCORERS,
)
"""Scorers that run on every unit."""

_MODELS = (agreement, alignment, embedding, estimation, llm, round_trip)

GRAVITY = (
    # what cannot be used at all
    *("truncated", "target_words", "texts_distinct", "refusal", "preamble"),
    # labels that are not there, or not theirs
    *("spans_placed", "answer_found", "label_changed", "class_kept", "labels_kept"),
    *("marker_residue", "span_residue", "span_empty"),
    # text that is no translation
    *(
        "target_language",
        "target_script",
        "copied",
        "identical",
        "similarity",
        "loops",
        "repeated_ngrams",
    ),
    *(
        "wordless",
        "source_language",
        "language_votes",
        "length_ratio",
        "character_ratio",
        "word_ratio",
    ),
    # labels that may sit in the wrong place
    *("span_crosses", "span_overlap", "agreement", "agreement_worst", "agreement_overlap"),
    *("span_links", "span_boundaries", "span_edges", "span_case", "span_length", "span_copied"),
    *("span_confidence", "span_margin", "span_rank", "answer_ambiguity"),
    # a translation with a fault
    *("numbers", "other_numbers", "currency", "links", "placeholders", "html", "mojibake"),
    *("control_characters", "brackets", "terminal_punctuation"),
    *("longest_text", "longest_word", "target_alphabet", "source_alphabet"),
    # a translation that a model doubts
    *("log_probability", "alignment_coverage", "alignment_score", "embedding", "estimation"),
    *("judged", "round_trip", "combined"),
    # labels that another row contradicts; nothing wrong but that it is there twice
    *("label_conflict", "duplicate", "near_duplicate"),
)
"""All columns, the gravest first: the first failing rule is a row's `reason`."""


def _columns() -> dict[str, Column]:
    always = [column for scorer in SCORERS for column in scorer.columns]
    asked = [column for module in _MODELS for column in module.COLUMNS]
    known = {c.name: c for c in (*always, *asked, *duplicates.COLUMNS, COMBINED)}
    return {name: known.pop(name) for name in GRAVITY} | known


COLUMNS: Mapping[str, Column] = MappingProxyType(_columns())
"""Every column that a score may be stored in, by name, the gravest first."""

REASONS: Mapping[str, str] = MappingProxyType({c.name: c.reason for c in COLUMNS.values()})
"""The reason that a row gets when the rule on this column fails it."""


class _Rules(Spec):
    """One rule per score; `false` in a recipe switches a rule off (the score is still stored)."""

    @model_validator(mode="before")
    @classmethod
    def _off(cls, data: object) -> object:
        if isinstance(data, dict):
            return {k: None if v is False else v for k, v in data.items()}
        return data

    @model_validator(mode="after")
    def _possible(self) -> _Rules:
        for name, limits in self.limits().items():
            column = COLUMNS[name]
            for edge in (limits.min, limits.max):
                if edge is not None and not column.low <= edge <= column.high:
                    raise ValueError(
                        f"{name} must have thresholds in its range {column.low:g} to "
                        f"{column.high:g} ({column.unit}), was: {edge:g}"
                    )
        return self

    def limits(self) -> dict[str, Limits]:
        """The rules that are on, by column, gravest first."""
        named = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: limits for name, limits in named.items() if limits is not None}

    def failures(self, scores: Mapping[str, Floats]) -> dict[str, Mask]:
        """Of each rule on these scores the rows that it fails, gravest rule first."""
        return {
            name: limits.fails(scores[name])
            for name, limits in self.limits().items()
            if name in scores
        }

    def verdict(self, scores: Mapping[str, float]) -> tuple[str, ...]:
        """The reasons of all rules that one row's scores fail."""
        columns = {name: np.array([value], np.float64) for name, value in scores.items()}
        return tuple(REASONS[name] for name, fails in self.failures(columns).items() if fails[0])


if TYPE_CHECKING:

    class Rules(_Rules): ...

else:
    Rules = create_model(
        "Rules",
        __base__=_Rules,
        __doc__=_Rules.__doc__,
        __module__=__name__,
        **{
            name: (Limits | None, Field(c.limits, description=f"{c.meaning} ({c.unit})"))
            for name, c in COLUMNS.items()
        },
    )
