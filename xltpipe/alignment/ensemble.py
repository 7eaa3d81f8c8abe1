"""Ensemble: several aligners asked at once, their links weighed, counted or grown.

Aligners err in different places (Tiedemann, 2014; Steingrímsson et al., 2021, combine by votes);
what several of them propose is right more often than what any one does.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from xltpipe.alignment.attention import Attention
from xltpipe.alignment.eflomal import Eflomal
from xltpipe.alignment.fast_align import FastAlign
from xltpipe.alignment.hmm import HMM
from xltpipe.alignment.lexical import Lexical
from xltpipe.alignment.simalign import SimAlign
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Spec

How = Literal["mean", "votes", "intersect_grow"]

Member = Annotated[
    HMM | Attention | FastAlign | Eflomal | SimAlign | Lexical, Field(discriminator="kind")
]

WEIGHTS = {
    "hmm": 1.0,
    "eflomal": 0.6,
    "lexical": 0.6,
    "attention": 0.2,
    "fast_align": 0.2,
    "simalign": 1.0,
}
"""Weights of the kinds where the settings name none; measured on ABSA en-es train and XL-WA dev
(docs/findings.md), but for simalign's, which depends on the model."""

MEMBERS: tuple[Member, ...] = (HMM(threshold=0.05), Lexical())


class Ensemble(Spec):
    """Settings. `how` a link is kept:

    - `mean`: the weighted mean of its scores reaches `threshold`; a member without scores says 1,
      one without the link 0. A lexical aligner that links neither word says nothing. Give members
      low thresholds of their own, so that they tell what they think of doubtful links.
    - `votes`: the weights of the members that have it sum to `least` or more.
    - `intersect_grow`: all have it, or some have it and it grows from those as in
      grow-diag-final-and (Koehn, Och & Marcu, 2003).

    The score of a link is the weighted mean in each case. `weights` has one entry per member,
    same order; if empty, `mean` takes them by kind and `votes` gives each member one vote.
    """

    kind: Literal["ensemble"] = "ensemble"
    members: tuple[Member, ...] = Field(default=MEMBERS, min_length=2)
    how: How = "mean"
    weights: tuple[Annotated[float, Field(gt=0)], ...] = ()
    threshold: float = Field(default=0.44, ge=0, le=1)
    least: float = Field(default=2.0, gt=0)

    @model_validator(mode="after")
    def _possible(self) -> Ensemble:
        if self.weights and len(self.weights) != len(self.members):
            raise ValueError(
                f"weights must have one entry per member, was: {len(self.weights)} for "
                f"{len(self.members)}"
            )
        votes = sum(self.shares())
        if self.how == "votes" and self.least > votes + 1e-9:
            raise ValueError(
                f"least must be in reach of all votes together ({votes:g}), was: {self.least:g}"
            )
        return self

    @property
    def trained(self) -> bool:
        """Whether any member is."""
        return any(member.trained for member in self.members)

    def shares(self) -> tuple[float, ...]:
        """The weight of each member."""
        if self.weights:
            return self.weights
        return tuple(1.0 if self.how == "votes" else WEIGHTS[m.kind] for m in self.members)

    def check(self) -> None:
        for member in self.members:
            member.check()

    def fingerprint(self) -> dict[str, str]:
        return {}  # each member's own identity holds its files

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Train the members that learn, each in a folder of its own in `home`.

        Raises:
            DataError, MissingExtraError, TransientError: as a member would.
        """
        from xltpipe.alignment.ensemble_training import train

        train({name: m for name, m in self._named().items() if m.trained}, pairs, home)

    def build(
        self, home: Path | None, source: str, target: str, model: Path | None = None
    ) -> Aligner:
        """The aligner of all members, between two languages (ISO 639-3).

        Raises:
            RecipeError, DataError, MissingExtraError: as a member would.
        """
        from xltpipe.alignment.ensemble_aligner import EnsembleAligner

        built = [
            member.build(home / name if home is not None else None, source, target, model)
            for name, member in self._named().items()
        ]
        return EnsembleAligner(
            built,
            partial=[isinstance(member, Lexical) for member in self.members],
            weights=self.shares(),
            how=self.how,
            floor=self.threshold if self.how == "mean" else self.least,
        )

    def _named(self) -> dict[str, Member]:
        return {f"{place}-{member.kind}": member for place, member in enumerate(self.members)}
