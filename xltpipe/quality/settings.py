"""Settings of the scorers that need any: a recipe's `[quality]`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from xltpipe.alignment import AlignerSpec
from xltpipe.projection.tools import Tools
from xltpipe.quality import SCORERS, agreement, alignment, embedding, estimation, llm, round_trip
from xltpipe.quality import duplicates as copies
from xltpipe.quality.agreement import Agreement
from xltpipe.quality.alignment import Links
from xltpipe.quality.column import Floats
from xltpipe.quality.combination import COLUMN as COMBINED
from xltpipe.quality.combination import Combination
from xltpipe.quality.duplicates import Duplicates
from xltpipe.quality.embedding import Embedding
from xltpipe.quality.estimation import Estimation
from xltpipe.quality.language import Languages
from xltpipe.quality.llm import LlmJudge
from xltpipe.quality.round_trip import RoundTrip
from xltpipe.quality.scorer import Scorer
from xltpipe.spec import Spec

DECIDING = {"combined"}
"""Settings that only decide: they come after scoring and are no part of its key."""

GROUPING = {"duplicates"}
"""Settings of what looks at all rows of a split."""


class Quality(Spec):
    """Scorers beyond those that always run; each is off unless it is set."""

    duplicates: Duplicates | None = Duplicates()
    """Over all rows of a split; `false` switches it off."""
    languages: Languages = Languages()
    agreement: Agreement | None = None
    alignment: Links | None = None
    round_trip: RoundTrip | None = None
    embedding: Embedding | None = None
    estimation: Estimation | None = None
    llm: LlmJudge | None = None
    combined: Combination | None = None

    @model_validator(mode="before")
    @classmethod
    def _off(cls, data: object) -> object:
        if isinstance(data, dict):
            return {k: None if v is False else v for k, v in data.items()}
        return data

    def check(self) -> None:
        for spec in (self.languages, self.agreement, self.alignment, *self._models()):
            if spec is not None:
                spec.check()
        if self.combined is not None:
            self.combined.build().need(self.scored())

    def scored(self) -> set[str]:
        """The scores of each row by itself."""
        given = (
            (self.agreement, agreement),
            (self.alignment, alignment),
            (self.round_trip, round_trip),
            (self.embedding, embedding),
            (self.estimation, estimation),
            (self.llm, llm),
        )
        asked = {c.name for spec, module in given if spec is not None for c in module.COLUMNS}
        return asked.union(column.name for scorer in SCORERS for column in scorer.columns)

    def known(self) -> set[str]:
        """All scores that a rule can be on: also those that follow from others and other rows."""
        found = self.scored() | ({COMBINED.name} if self.combined is not None else set())
        return found.union(c.name for c in copies.COLUMNS if self.duplicates is not None)

    def meet(self, tools: Tools) -> None:
        """Meet the faults that only the run shows, before it begins.

        Raises:
            RecipeError: the languages do not suit these settings.
        """
        if self.agreement is not None:
            self.agreement.meet(tools)
        if self.round_trip is not None:
            self.round_trip.meet(tools.source, tools.target)

    def aligners(self) -> tuple[AlignerSpec, ...]:
        """The aligners that scorers need, trained before they are built."""
        asking = (self.agreement, self.alignment)
        return tuple(a for spec in asking if spec is not None for a in spec.aligners())

    def build(self, tools: Tools) -> tuple[Scorer, ...]:
        """The scorers that are set, for one language pair."""
        built: list[Scorer] = [self.languages.build()]
        built += [spec.build(tools) for spec in (self.agreement, self.alignment) if spec]
        built += [spec.build(tools.source, tools.target) for spec in self._models()]
        return tuple(built)

    def _models(self) -> list[RoundTrip | Embedding | Estimation | LlmJudge]:
        """The settings of scorers that ask a model about each row, those that are set."""
        every = (self.round_trip, self.embedding, self.estimation, self.llm)
        return [spec for spec in every if spec is not None]

    def derived(self, scores: Mapping[str, Floats]) -> dict[str, Floats]:
        """The scores with those that follow from them.

        Raises:
            RecipeError: the combined model cannot be read, or needs a score that is not there.
        """
        if self.combined is None:
            return dict(scores)
        return {**scores, "combined": self.combined.build().combined(scores)}

    def scoring_identity(self) -> dict[str, Any]:
        """What decides the scores of a row by itself."""
        return {k: v for k, v in self.identity().items() if k not in DECIDING | GROUPING}

    def combining_identity(self) -> dict[str, Any]:
        """What decides the scores that follow from others."""
        return {k: v for k, v in self.identity().items() if k in DECIDING}
