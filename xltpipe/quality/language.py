"""Language identification of both sides outside their spans.

CLD2 is asked first; py3langid (Lui & Baldwin, 2012), or a fastText model from a file, where CLD2
is not sure of the right language.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError, require
from xltpipe.languages import resolve
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits, Mask
from xltpipe.quality.language_opinion import UNSURE, Identifier, Names, Opinions, kin
from xltpipe.quality.language_text import Texts, letters, outside_spans
from xltpipe.quality.side import Side
from xltpipe.spec import Incidental, Spec

LETTERS = 15
"""Fewer letters than this outside the spans say too little to name a language."""

NEITHER = 1e-3
"""Probability of both languages together below which a text is in neither.

Right sentences of the samples, short as they are, have .14 at least; a French one taken for
Spanish or English has 1e-5.
"""

THIRD = 0.8
"""Share of a third language that, if two identifiers are sure of it, stands against the text."""

THIRD_LETTERS = 30
"""In fewer letters, right Galician looks like Portuguese to both (1.3 % of Tatoeba; else .2)."""

_SOURCE = "CLD2; py3langid (Lui & Baldwin, 2012)"

TARGET = Column(
    "target_language",
    "wrong_language",
    "probability",
    "Probability that the target is in the target language and not in the source's.",
    _SOURCE,
    high=1.0,
    limits=Limits(min=0.5),
)
SOURCE = Column(
    "source_language",
    "wrong_source_language",
    "probability",
    "Probability that the source is in the source language and not in the target's.",
    _SOURCE,
    high=1.0,
    limits=Limits(min=0.5),
)
VOTES = Column(
    "language_votes",
    "language_disputed",
    "share",
    "Share of the identifiers asked, and sure, that say the target is in the target language.",
    "ours",
    high=1.0,
)

Kind = Literal["cld2", "py3langid", "fasttext"]


class Languages(Spec):
    """Who names the languages. `identifiers` are asked in this order, each where none before it
    was sure of the right language, or `always` all of them; `model` is the file for `fasttext`.
    """

    identifiers: tuple[Kind, ...] = Field(default=("cld2", "py3langid"), min_length=1)
    always: bool = False
    model: Annotated[Path | None, Incidental] = None  # enters by fingerprint()

    @model_validator(mode="after")
    def _whole(self) -> Languages:
        if len(set(self.identifiers)) != len(self.identifiers):
            raise ValueError(f"identifiers must be distinct, was: {', '.join(self.identifiers)}")
        if (self.model is not None) != ("fasttext" in self.identifiers):
            raise ValueError(
                'model must name a file if, and only if, identifiers have "fasttext", '
                f"was: {self.model and str(self.model)!r} with {', '.join(self.identifiers)}"
            )
        return self

    def fingerprint(self) -> dict[str, str]:
        return {} if self.model is None else {"model": digest_file(self._file())}

    def check(self) -> None:
        if self.model is not None:
            require("fasttext", "fasttext")
            self._file()

    def build(self) -> LanguageScorer:
        return LanguageScorer(self)

    def identifier(self, kind: Kind) -> Identifier:
        """One of the identifiers, with its model loaded."""
        if kind == "cld2":
            from xltpipe.quality.language_cld2 import Cld2

            return Cld2()
        if kind == "py3langid":
            from xltpipe.quality.language_py3langid import Py3LangId

            return Py3LangId()
        from xltpipe.quality.language_fasttext import FastText

        return FastText(self._file())

    def _file(self) -> Path:
        path = (self.model or Path()).expanduser()
        if not path.is_file():
            raise RecipeError(f"Model of languages must be a file, was: {str(path)!r}")
        return path


class LanguageScorer:
    """Scores TARGET, SOURCE and VOTES.

    NaN where a text is too short, both languages are one, or no identifier that knows both has an
    idea.
    """

    columns = (TARGET, SOURCE, VOTES)

    def __init__(self, settings: Languages) -> None:
        self._settings = settings

    @cached_property
    def _identifiers(self) -> list[Identifier]:
        return [self._settings.identifier(kind) for kind in self._settings.identifiers]

    def score(self, batch: Batch) -> list[Floats]:
        none = np.full(batch.rows, np.nan)
        if not batch.rows:
            return [none, none, none]
        source, target = resolve(batch.source.lang).id, resolve(batch.target.lang).id
        if source == target:
            return [none, none, none]
        forth, votes = self._side(batch.target, target, source, always=self._settings.always)
        back, _ = self._side(batch.source, source, target, always=False)
        return [forth, back, votes]

    def _side(self, side: Side, ours: str, theirs: str, *, always: bool) -> tuple[Floats, Floats]:
        """P(ours) and the votes for it of each row of a side."""
        asked = [i for i in self._identifiers if i.knows(ours) and i.knows(theirs)]
        score, votes = np.full(side.rows, np.nan), np.full(side.rows, np.nan)
        size = letters(side)
        rows = np.flatnonzero(size >= LETTERS)
        if asked and len(rows):
            texts, long = outside_spans(side).at(rows), size[rows] >= THIRD_LETTERS
            score[rows], votes[rows] = _cascade(asked, texts, long, ours, theirs, always=always)
        return score, votes


def _cascade(
    asked: Sequence[Identifier],
    texts: Texts,
    long: Mask,
    ours: str,
    theirs: str,
    *,
    always: bool,
) -> tuple[Floats, Floats]:
    """The score of each text by the first identifier that is sure of ours, else by the last."""
    rows = len(texts)
    score, pending = np.full(rows, np.nan), np.ones(rows, np.bool_)
    third = np.full(rows, UNSURE, "<U16")
    yes, sure = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    near = sorted(kin(ours) - {theirs})
    for identifier in asked:
        here = np.arange(rows) if always else np.flatnonzero(pending)
        if not len(here):
            break
        said = identifier.opinions(texts.at(here), ours, theirs)
        kindred = _among(said.said, near)
        yes[here] += kindred
        sure[here] += said.said != UNSURE
        found = _between(said, kindred, third[here])
        deciding = pending[here] & ~np.isnan(found)
        score[here[deciding]] = found[deciding]
        pending[here] &= said.said != ours
        third[here] = np.where(long[here], _third(said, third[here], [*near, theirs]), UNSURE)
    with np.errstate(invalid="ignore"):
        return score, yes / sure


def _between(said: Opinions, kindred: Mask, third: Names) -> Floats:
    """P(ours) where only the two languages are possible, unless it is plainly a third one.

    That is so where both have next to nothing, or where an identifier before said the same. What
    is said for a language's kin is said for it.
    """
    ours = np.where(kindred, np.fmax(said.ours, said.certainty), said.ours)
    both = ours + said.theirs
    both = np.where((third != UNSURE) & (said.said == third), both + said.certainty, both)
    out = ours.copy()
    np.divide(ours, both, out=out, where=both > NEITHER)
    return out


def _third(said: Opinions, before: Names, two: Sequence[str]) -> Names:
    """The language that identifiers so far are sure of, where it is neither of the two."""
    plain = (said.said != UNSURE) & (said.certainty >= THIRD) & ~_among(said.said, two)
    return np.where((before == UNSURE) & plain, said.said, before)


def _among(names: Names, languages: Sequence[str]) -> Mask:
    found: Mask = np.logical_or.reduce([names == language for language in languages])
    return found


SCORERS = (Languages().build(),)
