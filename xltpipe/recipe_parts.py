"""What recipes are made of, besides components: languages, names, data beside the training data."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from xltpipe.datasets import SourceSpec
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.projection import ProjectorSpec
from xltpipe.spec import Spec


def _known(code: object) -> str:
    try:
        language = resolve(str(code))
    except RecipeError as error:
        raise ValueError(str(error)) from error  # so that the key's path is named with it
    usual = resolve(language.id).script
    if language.script != usual:
        raise ValueError(
            f"language must be in its usual script here, {usual}, was: {code!r}; other scripts "
            "are known to the engines' registry but not carried through a run yet"
        )
    return language.id


Lang = Annotated[str, BeforeValidator(_known)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
"""Names of files and folders are made of it."""


class Test(Spec):
    """Gold data in a target language to score on."""

    name: Name
    lang: Lang
    data: SourceSpec


class Supervised(Spec):
    """Gold training data in a target language: the upper bound that the strategies aim at."""

    lang: Lang
    data: SourceSpec


class TargetDev(Spec):
    """Gold development data in a target language, to be used by `oracle = true` alone."""

    lang: Lang
    data: SourceSpec


class Sequential(Spec):
    """What the strategy `sequential` learns, one language after another."""

    order: Annotated[tuple[Lang, ...], Field(min_length=2)] | None = None
    """The languages, each once; unset, the source, then the targets as they stand."""
    data: Literal["translate_train", "supervised"] = "translate_train"
    """What is learnt of a target language: the corpus, or its `[[supervised]]` gold data. Of the
    source language it is always `train`."""

    def fit(self, known: Sequence[str], gold: Collection[str] | None) -> None:
        """Check the order by the languages of a recipe, and those that it has gold data of.

        `gold` is None where it is not needed.

        Raises:
            ValueError: a language is not known, there twice, or has no data.
        """
        order = self.order or tuple(known)
        strange = [lang for lang in order if lang not in known]
        if strange:
            raise ValueError(
                f"sequence.order must be of the source and the targets ({', '.join(known)}), was: "
                f"{', '.join(strange)} among them"
            )
        if len(set(order)) != len(order):
            raise ValueError(
                f"sequence.order must name each language once, was: {', '.join(order)}"
            )
        missing = [] if gold is None else sorted(set(order) - set(gold))
        if missing and self.data == "supervised":
            raise ValueError(
                'sequential with sequence.data = "supervised" needs training data for each target '
                f"in its order, was: none for {', '.join(missing)}; add [[supervised]] with lang "
                "and data"
            )

    def signed(self, order: Sequence[str]) -> dict[str, str]:
        """What signatures tell of the stage that has learnt these languages."""
        return {"stage": str(len(order) - 1), "learnt": ">".join(order), "data": self.data}


class Contender(Spec):
    """A projector to compare, under the name that the tables show."""

    name: Name
    projection: ProjectorSpec


class Parallel(Spec):
    """Gold labels on a target text, row by row the counterpart of the recipe's `train`."""

    lang: Lang
    data: SourceSpec


class Compare(Spec):
    """What `xltpipe compare projections` sets side by side; it changes nothing in a run.

    Without `gold` for a language, `train` is translated and the methods judge each other.
    """

    projections: tuple[Contender, ...] = ()
    """None named: the recipe's own and others that suit its engine."""
    gold: tuple[Parallel, ...] = ()
    rows: int | None = Field(None, ge=1)
    """The first so many rows of `train`, on which alone aligners are trained; None: all."""

    @model_validator(mode="after")
    def _distinct(self) -> Compare:
        for what, listed in (
            ("projections must have different names", [p.name for p in self.projections]),
            ("gold must be given once per language", [g.lang for g in self.gold]),
        ):
            if len(set(listed)) != len(listed):
                raise ValueError(f"{what}, was: {', '.join(listed)}")
        return self
