"""Candidates: stretches of the target chosen by translation probability (T-Projection).

García-Ferrero, Agerri and Rigau (2023). Candidates come from a tagged text-to-text model, or are
all n-grams around the aligned words; NMTScore and the alignment rank them; the spans of a text
are decided together.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment import AlignerSpec, Auto
from xltpipe.errors import RecipeError, require
from xltpipe.projection.aligned import Aligned
from xltpipe.projection.passages import PassageAligner
from xltpipe.projection.tools import Projection, Tools
from xltpipe.spec import Incidental
from xltpipe.translation.likelihood import Join, open_likelihood
from xltpipe.translation.models import find_model, model_digest

if TYPE_CHECKING:
    from xltpipe.projection.candidates_projector import CandidatesProjector


class Candidates(Projection):
    """Settings; `alignment_weight` and `floor` were chosen on ABSA train (docs/findings.md).

    `model` scores, by default the recipe's own. `generator` is a local directory of a tagged
    text-to-text model, read with so many `beams`; without one, n-grams are taken, at most `most`
    for a span, up to `window` words beyond where its links put it and `max_ratio` times its length.
    A candidate's score is `alignment_weight` parts what the links say and the rest NMTScore, its
    directions put together by `join` (at most 1). Nothing under `floor` is taken. T-Projection's
    own selection has weight 0, floor 0 and join "mean".
    """

    kind: Literal["candidates"] = "candidates"
    aligner: AlignerSpec = Auto()
    # By content only, through fingerprint().
    model: Annotated[str | None, Incidental] = None
    generator: Annotated[Path | None, Incidental] = None
    beams: int = Field(default=15, ge=1)
    max_tokens: int = Field(default=512, ge=8)
    agglutinative: bool = False
    window: int = Field(default=2, ge=0)
    max_ratio: float = Field(default=2.0, ge=1.0)
    most: int = Field(default=60, ge=1)
    normalised: bool = True
    join: Join = "geometric"
    alignment_weight: float = Field(default=0.9, ge=0, le=1)
    floor: float = Field(default=0.3, ge=0, le=1)
    compute_type: Literal["int8", "float32", "float16", "int8_float16", "auto"] = "int8"
    device: Literal["cpu", "cuda", "auto"] = "cpu"
    batch_size: Annotated[int, Incidental, Field(ge=1)] = 8

    in_place: ClassVar[bool] = True
    marking: ClassVar[None] = None

    def aligners(self) -> tuple[AlignerSpec, ...]:
        """Always one: it says where to look, and which of two equal names is meant."""
        return (self.aligner,)

    def build(self, tools: Tools) -> CandidatesProjector:
        """The projector of a run.

        Raises:
            RecipeError: no model is named and the run has none, or it does not know the languages.
            MissingExtraError: a generator is named and transformers or torch is not installed.
        """
        from xltpipe.projection.candidates_generator import Generator
        from xltpipe.projection.candidates_projector import CandidatesProjector

        likelihood = open_likelihood(
            self._model(tools),
            tools.source,
            tools.target,
            normalised=self.normalised,
            join=self.join,
            compute_type=self.compute_type,
            device=self.device,
        )
        generator = None
        if self.generator is not None:
            generator = Generator(
                self.generator,
                beams=self.beams,
                max_tokens=self.max_tokens,
                batch_size=self.batch_size,
            )
        rules = Aligned(aligner=self.aligner)
        return CandidatesProjector(
            self,
            PassageAligner(tools.aligner(self.aligner), rules.passage),
            rules.placer(tools.source, tools.target),
            likelihood,
            generator,
        )

    def meet(self, tools: Tools) -> None:
        self._model(tools)

    def _model(self, tools: Tools) -> Path:
        model = find_model(self.model) if self.model else tools.model
        if model is None:
            raise RecipeError(
                "Projector candidates must have a CTranslate2 model to score with, was: none; "
                'name one (such as model = "embedded") or translate with one'
            )
        return model

    def check(self) -> None:
        from xltpipe.projection.candidates_generator import check

        require("sentencepiece", "ctranslate2")
        require("ctranslate2", "ctranslate2")
        if self.generator is not None:
            check(self.generator)

    def fingerprint(self) -> dict[str, str]:
        out = {"model": model_digest(find_model(self.model))} if self.model else {}
        return out | ({"generator": model_digest(self.generator)} if self.generator else {})
