"""Constrained: mark spans where a translation model finds them likeliest (Le et al., 2024).

CODEC: for one span at a time, the source with only that span marked should be translated as the
given target with the same markers in it: of all places at word boundaries the likeliest wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from xltpipe.alignment import AlignerSpec
from xltpipe.errors import RecipeError, require
from xltpipe.languages import resolve
from xltpipe.projection.tools import Projection, Tools
from xltpipe.spec import Incidental, Spec
from xltpipe.translation.description import describe
from xltpipe.translation.models import find_model, model_digest
from xltpipe.translation.server import Server

if TYPE_CHECKING:
    from xltpipe.projection.constrained_backends import Backend
    from xltpipe.projection.constrained_problem import Tally
    from xltpipe.projection.constrained_projector import ConstrainedProjector
    from xltpipe.projection.constrained_reverse import Reverse

# What a general language model reads before a target; it is never told where the markers go.
_PROMPT = "Translate the sentence and keep its markers.\n{source}\n"


class OpeningFilter(Spec):
    """The paper's Δ-filter: an opening may stand only before a token that the source's markers
    made more or less likely, by `low` within `window` tokens of one changed by `high` (nats).
    """

    high: float = Field(default=0.5, ge=0)
    low: float = Field(default=0.1, ge=0)
    window: int = Field(default=5, ge=0)


class Constrained(Projection):
    """Settings; both ways to search are exact unless a heuristic is switched on.

    `backend` shared computes the CTranslate2 model's weights itself and shares work between
    places (CPU, float32); ctranslate2 lets the engine score every place, on any device; vllm lets
    a `server` score plain texts. `model` is by default the recipe's own. `opening_filter` and
    `look_ahead` (α; below zero is off) are the paper's heuristics, for `shared`; they may miss the
    best place, and for an `audit` share of the spans an exact search is run as well, its answer
    taken and misses counted. `max_ratio` bounds the words of an answer per word of its span; texts
    of more than `max_words` are not searched (`too_long`): the work grows with their square.
    `rerank` reads the `n_best` places backwards and chooses by the paper's rule for training or
    for test data; `n_best` also serves spans that would overlap.
    """

    kind: Literal["constrained"] = "constrained"
    backend: Literal["shared", "ctranslate2", "vllm"] = "shared"
    # By content only, through fingerprint().
    model: Annotated[str | None, Incidental] = None
    server: Server | None = None
    prompt: str = _PROMPT
    ending: str = "\n"
    search: Literal["exhaustive", "branch_and_bound"] = "exhaustive"
    style: Literal["auto", "letters", "brackets"] = "auto"
    n_best: int = Field(default=5, ge=1, le=64)
    max_ratio: float | None = Field(default=None, ge=1)
    max_words: int = Field(default=100, ge=1)
    opening_filter: OpeningFilter | None = None
    look_ahead: int = Field(default=-1, ge=-1)
    audit: float = Field(default=0.0, ge=0, le=1)
    rerank: Literal["off", "translate_train", "translate_test"] = "off"
    compute_type: Literal["int8", "float32", "float16", "int8_float16", "auto"] = "float32"
    device: Literal["cpu", "cuda", "auto"] = "cpu"

    in_place: ClassVar[bool] = True
    marking: ClassVar[None] = None

    @model_validator(mode="after")
    def _consistent(self) -> Constrained:
        heuristic = self.opening_filter is not None or self.look_ahead >= 0
        if heuristic and self.backend != "shared":
            raise ValueError(
                'opening_filter and look_ahead must go with backend = "shared", was: '
                f"{self.backend!r}"
            )
        if self.audit and not heuristic:
            raise ValueError("audit must go with a heuristic, was: an exact search")
        if (self.backend == "vllm") != (self.server is not None):
            raise ValueError(
                f'server must be given for backend = "vllm" and only then, was: {self.backend!r}'
            )
        return self

    def aligners(self) -> tuple[AlignerSpec, ...]:
        """None: the model itself says what belongs to what."""
        return ()

    def build(self, tools: Tools) -> ConstrainedProjector:
        """The projector of a run; weights are read now, an engine loads at its first batch.

        Raises:
            RecipeError: there is no model, or it does not know the languages or the markers, or
                re-ranking needs a direction that it lacks.
        """
        from xltpipe.projection.constrained_problem import Tally
        from xltpipe.projection.constrained_projector import ConstrainedProjector

        self.meet(tools)
        tally = Tally()
        model = find_model(self.model) if self.model else tools.model
        return ConstrainedProjector(
            self,
            self._backend(model, tools, tally),
            native=self._native(model, tools),
            reverse=None if self.rerank == "off" else self._reverse(model, tools),
            tally=tally,
        )

    def meet(self, tools: Tools) -> None:
        if self.server is not None:
            return
        model = _model(find_model(self.model) if self.model else tools.model)
        source, target = resolve(tools.source), resolve(tools.target)
        said = describe(model)
        if not said.covers(source, target):
            raise RecipeError(
                f"Projector constrained must have a model that translates {source.id}-{target.id}, "
                f"was: {model.name}; it translates {said.pairs()}"
            )
        if self.rerank != "off" and not said.covers(target, source):
            raise RecipeError(
                f"rerank must have a model that also translates {target.id}-{source.id}, was: "
                f'{model.name}; set rerank = "off" or name a model of both directions'
            )

    def check(self) -> None:
        if self.server is not None:
            self.server.check()
        else:
            require("sentencepiece", "ctranslate2")

    def fingerprint(self) -> dict[str, str]:
        return {"model": model_digest(find_model(self.model))} if self.model else {}

    def _native(self, model: Path | None, tools: Tools) -> bool:
        if self.style != "auto":
            return self.style == "letters"
        if self.backend == "vllm" or model is None:
            return tools.native_markers
        return bool(describe(model).markers)

    def _backend(self, model: Path | None, tools: Tools, tally: Tally) -> Backend:
        from xltpipe.projection.constrained_backends import Engine, Filter, Framing, Shared, Texts
        from xltpipe.projection.constrained_search import Rules
        from xltpipe.translation.engines import EngineKey, usable_cores
        from xltpipe.translation.forced_engine import EngineScorer
        from xltpipe.translation.server_scorer import PromptScorer

        if self.server is not None:
            client = self.server.client()
            return Texts(PromptScorer(client, prompt=self.prompt, ending=self.ending), tally)
        framing = Framing(_model(model), resolve(tools.source), resolve(tools.target))
        if self.backend == "ctranslate2":
            workers = usable_cores() if self.device == "cpu" else 1
            key = EngineKey(_model(model), self.device, self.compute_type, workers, 1)
            return Engine(EngineScorer(key), framing, tally)
        settings = self.opening_filter
        return Shared(
            _model(model),
            framing,
            Rules(self.search, 1, self.look_ahead),
            None if settings is None else Filter(settings.high, settings.low, settings.window),
            tally,
        )

    def _reverse(self, model: Path | None, tools: Tools) -> Reverse:
        from xltpipe.projection.constrained_reverse import Reverse

        source, target = resolve(tools.source), resolve(tools.target)
        return Reverse(_model(model), source, target, self.device, self.compute_type)


def _model(model: Path | None) -> Path:
    if model is None:
        raise RecipeError(
            "Projector constrained must have a CTranslate2 model to score with, was: none; "
            'name one (such as model = "embedded") or translate with one'
        )
    return model
