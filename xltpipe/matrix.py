"""Matrix: what `xltpipe compare RECIPE` varies. Each combination is a plain recipe of its own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from xltpipe.projection import ProjectorSpec
from xltpipe.quality import Rules
from xltpipe.quality.settings import Quality
from xltpipe.spec import Spec
from xltpipe.training import TrainerSpec

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=30)]
"""Runs are called by it, and tables show it."""


class Projection(Spec):
    """A projector among those that are compared."""

    name: Name
    projection: ProjectorSpec


class Filter(Spec):
    """Which rows are kept: other rules, other scores, or no rule at all."""

    name: Name
    rules: Rules | None = None
    """Thresholds; None: the recipe's."""
    quality: Quality | None = None
    """Scores beyond those that every row gets; None: the recipe's."""
    keep_all: bool = False
    """No rule rejects a row: what the filter is worth shows beside it."""

    @model_validator(mode="after")
    def _one(self) -> Filter:
        if self.keep_all and self.rules is not None:
            raise ValueError("keep_all must stand without rules, was: both; take one away")
        return self


class Training(Spec):
    """A trainer among those that are compared."""

    name: Name
    training: TrainerSpec


class Baseline(Spec):
    """The cell that the others are measured against; what is not named is the other cell's own."""

    strategy: str
    projection: str | None = None
    filter: str | None = None
    training: str | None = None


def _named(given: Any) -> Any:
    return {"strategy": given} if isinstance(given, str) else given


class Matrix(Spec):
    """The axes of a comparison. One that is not set has one value: the recipe's own."""

    targets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Some of the recipe's targets."""
    strategies: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Any strategies that are scored."""
    projections: Annotated[tuple[Projection, ...], Field(min_length=1)] | None = None
    """Projectors."""
    filters: Annotated[tuple[Filter, ...], Field(min_length=1)] | None = None
    """Rules and scores."""
    trainings: Annotated[tuple[Training, ...], Field(min_length=1)] | None = None
    """Trainers."""
    seeds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    """Seeds; tables show mean and standard deviation over them."""
    subsample: float | None = Field(None, gt=0, lt=1)
    """Each seed trains on this share of the rows, drawn by their ids; None: on all."""
    baseline: Annotated[Baseline | None, BeforeValidator(_named)] = None
    """A strategy, or a table with `strategy`, `projection`, `filter`, `training`."""
    copy_control: bool = False
    """One more arm: the source rows, sent through the pipeline by an engine that copies."""
    at_once: int = Field(1, ge=1, le=64)
    """Cells side by side, each in a process of its own; they share the cores."""
    rounds: int = Field(9999, ge=99)
    """Of approximate randomisation and of the paired bootstrap."""

    @model_validator(mode="after")
    def _distinct(self) -> Matrix:
        for key in ("targets", "strategies", "projections", "filters", "trainings", "seeds"):
            listed = [getattr(one, "name", one) for one in getattr(self, key) or ()]
            if len(set(listed)) != len(listed):
                told = ", ".join(map(str, listed))
                raise ValueError(f"{key} must each be named once, was: {told}")
        return self
