"""Sequence: transfer and forgetting when a model learns one language after another.

R[i, j] is the score on the test set of language j after stage i of the training; both count from
0 here. Stage 0 learns language 0, whose tests on later languages are zero-shot transfer; stage 1
goes on with language 1. Forgetting of j is R[j, j] - R[last, j], with the other sign the backward
transfer of Lopez-Paz & Ranzato (2017); for Kinyarwanda and Kirundi see Niyongabo et al. (2020). It
can be below 0: what came later helped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from statistics import mean

from xltpipe.errors import DataError

Scores = Mapping[tuple[int, str], float]
"""Score by stage, from 0, and the language of the test."""


@dataclass(frozen=True, slots=True)
class TransferMatrix:
    """The transfer matrix of languages learnt in this order."""

    languages: tuple[str, ...]
    scores: tuple[tuple[float, ...], ...]
    """`scores[stage][language]`; NaN where it was not measured."""

    def forgetting(self, language: int) -> float:
        """How much of a language's own score the last stage lost; NaN where either is missing."""
        return self.scores[language][language] - self.scores[-1][language]

    def transfer(self, language: int) -> float:
        """The score before the language was learnt: zero-shot. NaN for the first."""
        return self.scores[language - 1][language] if language else nan

    @property
    def mean_forgetting(self) -> float:
        """Over all languages but the last, which had no time to be forgotten; NaN for one alone."""
        earlier = range(len(self.languages) - 1)
        return mean(map(self.forgetting, earlier)) if earlier else nan


def sequence(languages: Sequence[str], scores: Scores) -> TransferMatrix:
    """The matrix of these scores.

    Raises:
        DataError: a language is there twice, or a score is of a stage or language that is not.
    """
    if len(set(languages)) != len(languages) or not languages:
        raise DataError(
            f"Languages must each be learnt once, at least one, was: {', '.join(languages)}"
        )
    strange = [
        f"stage {stage} on {lang}"
        for stage, lang in scores
        if lang not in languages or not 0 <= stage < len(languages)
    ]
    if strange:
        raise DataError(
            f"Scores must be of stages 0 to {len(languages) - 1} on {', '.join(languages)}, was: "
            f"{', '.join(strange)}"
        )
    rows = tuple(
        tuple(scores.get((stage, lang), nan) for lang in languages)
        for stage in range(len(languages))
    )
    return TransferMatrix(tuple(languages), rows)
