"""Combination: one probability from many scores, by logistic regression (as bicleaner learns one).

Each score enters three times: how far it lies below and above what is usual (both count from the
centre, in units of `scale`, at most `most`), and whether it is missing. So a ratio may be too low
or too high at different cost, one absurd value cannot outweigh all others, and a score that has
no meaning for a row speaks for itself. A person can read every weight in the model file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, FiniteFloat, ValidationError, field_validator, model_validator

from xltpipe.durable import write_whole
from xltpipe.errors import RecipeError
from xltpipe.json_text import loads
from xltpipe.quality.column import Column, Floats
from xltpipe.spec import Incidental, Spec

FORMAT: Literal[1] = 1

COLUMN = Column(
    "combined",
    "doubtful",
    "probability",
    "Probability that the row is clean, by a model learnt with `xltpipe quality suggest`.",
    "logistic regression, as in bicleaner (Ramírez-Sánchez et al., 2020)",
    high=1.0,
)
"""Off unless a recipe names a model and a threshold: both come from `suggest`."""

FEATURES = ("below", "above", "missing")
"""What is made of each score, in this order."""


class Term(Spec):
    """What one score adds: weights per unit below and above `center`, and for being missing."""

    column: str
    center: FiniteFloat
    scale: float = Field(gt=0, allow_inf_nan=False)
    below: FiniteFloat
    above: FiniteFloat
    missing: FiniteFloat


class Model(Spec):
    """A learnt combination, as its file holds it; `signature` says what it was learnt from."""

    format: Literal[1] = FORMAT
    terms: tuple[Term, ...] = Field(min_length=1)
    intercept: FiniteFloat
    most: float = Field(gt=0, allow_inf_nan=False)
    """Distances from the center are cut here."""
    threshold: float = Field(ge=0, le=1)
    """Rows below it are to be dropped: it drops `false_alarms` of the clean rows it was set on."""
    false_alarms: float = Field(ge=0, le=1)
    signature: dict[str, str | int | float] = Field(default_factory=dict)

    @field_validator("format", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        if value != FORMAT:
            raise ValueError(f"format must be {FORMAT}, was: {value!r}; learn the model again")
        return value

    @model_validator(mode="after")
    def _distinct(self) -> Model:
        names = [term.column for term in self.terms]
        if len(set(names)) != len(names) or COLUMN.name in names:
            raise ValueError(f"columns must be distinct scores, was: {', '.join(names)}")
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(term.column for term in self.terms)

    def need(self, known: Iterable[str]) -> None:
        """See that the scores it needs are there.

        Raises:
            RecipeError: one is not.
        """
        there = set(known)
        absent = [name for name in self.columns if name not in there]
        if absent:
            raise RecipeError(
                f"Combined model must find all its columns among the scores, was: no "
                f"{', '.join(absent)}; switch on their scorers under [quality], or learn the "
                "model again from this run"
            )

    def combined(self, scores: Mapping[str, Floats]) -> Floats:
        """The probability 0..1 that each row is clean; NaN for a row without any score.

        Raises:
            RecipeError: the model needs a score that is not there.
        """
        self.need(scores)
        total = np.full(len(scores[self.columns[0]]), self.intercept)
        empty = np.ones(len(total), np.bool_)
        for term in self.terms:
            values = np.asarray(scores[term.column], np.float64)
            found = features(values, term.center, term.scale, self.most)
            # one addition after the other: a matrix product could differ with the batch's size
            for feature, weight in zip(found, (term.below, term.above, term.missing), strict=True):
                total = total + weight * feature
            empty &= np.isnan(values)
        out: Floats = np.where(empty, np.nan, _logistic(total))
        return out


def features(values: Floats, center: float, scale: float, most: float) -> tuple[Floats, ...]:
    """How far each value is below and above the center, and whether it is missing (0 or 1)."""
    gone = np.isnan(values)
    away = np.where(gone, 0.0, (values - center) / scale)
    return np.clip(-away, 0, most), np.clip(away, 0, most), gone.astype(np.float64)


def _logistic(values: Floats) -> Floats:
    # two forms, so that neither overflows
    small = np.exp(-np.abs(values))
    out: Floats = np.where(values >= 0, 1 / (1 + small), small / (1 + small))
    return out


class Combination(Spec):
    """Settings: the model file, which enters a run's identity by content."""

    model: Annotated[Path, Incidental]

    def fingerprint(self) -> dict[str, str]:
        return {"model": hashlib.sha256(_bytes(self.model)).hexdigest()}

    def check(self) -> None:
        self.build()

    def build(self, known: Iterable[str] | None = None) -> Model:
        """The model of the file; with `known`, all its columns must be among these.

        Raises:
            RecipeError: no such file, not a model, of another format, or with unknown columns.
        """
        found = read(self.model)
        if known is not None:
            strange = set(found.columns) - set(known)
            if strange:
                raise RecipeError(
                    f"Combined model must use known scores, was: {', '.join(sorted(strange))} "
                    f"in {self.model}; learn it again with this version"
                )
        return found


def read(path: Path) -> Model:
    """A model file.

    Raises:
        RecipeError: see `Combination.build`.
    """
    try:
        # Infinity and NaN are no JSON; Python would read them
        data: Any = loads(_bytes(path), constant=_refuse)
        return Model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise RecipeError(
            f"Combined model must be valid, was: {where}: {first['msg']} ({path})"
        ) from error
    except ValueError as error:
        raise RecipeError(f"Combined model must be JSON, was: {error} ({path})") from error


def write(model: Model, path: Path) -> None:
    """Write a model file, whole or not at all."""
    text = json.dumps(model.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    write_whole(path, text + "\n")


def _refuse(constant: str) -> float:
    raise ValueError(f"number {constant}")


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecipeError(
            f"Combined model must be a readable file, was: {path} ({error.strerror}); "
            "`xltpipe quality suggest RUN --method learned --write FILE` writes one"
        ) from error
