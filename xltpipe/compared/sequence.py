"""Sequence: transfer and forgetting when a model learns one language after another.

R[i, t] is the score on test set t after stage i of the training; stages count from 0. Stage 0
learns language 0, whose scores on later languages are zero-shot transfer; stage 1 goes on with
language 1. Forgetting of a test in the language of stage j is R[j, t] - R[last, t], with the other
sign the backward transfer of Lopez-Paz & Ranzato (2017); for Kinyarwanda and Kirundi see Niyongabo
et al. (2020). It can be below 0: what came later helped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from math import isnan, nan
from statistics import mean
from typing import Any

from xltpipe.errors import DataError

Test = tuple[str, str]
"""The language of a test set, and its name."""
Scores = Mapping[tuple[int, Test], float]
"""Score by stage, from 0, and test set."""

_LEARNT = re.compile(r"\|learnt:([^|]+)")


@dataclass(frozen=True, slots=True)
class TransferMatrix:
    """The transfer matrix of languages learnt in this order."""

    languages: tuple[str, ...]
    tests: tuple[Test, ...]
    """By the order of their languages."""
    scores: tuple[tuple[float, ...], ...]
    """`scores[stage][test]`; NaN where it was not measured."""

    def forgetting(self, test: int) -> float:
        """How much of its language's own score the last stage lost; NaN where either is missing."""
        return self.scores[self._own(test)][test] - self.scores[-1][test]

    def transfer(self, test: int) -> float:
        """The score before its language was learnt: zero-shot. NaN for the first language."""
        own = self._own(test)
        return self.scores[own - 1][test] if own else nan

    @property
    def mean_forgetting(self) -> float:
        """Over the tests of all languages but the last, which had no time to be forgotten; else
        NaN.
        """
        last = len(self.languages) - 1
        earlier = [t for t in range(len(self.tests)) if self._own(t) < last]
        return mean(map(self.forgetting, earlier)) if earlier else nan

    def _own(self, test: int) -> int:
        return self.languages.index(self.tests[test][0])


def sequence(languages: Listed[str], scores: Scores) -> TransferMatrix:
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
        for stage, (lang, _) in scores
        if lang not in languages or not 0 <= stage < len(languages)
    ]
    if strange:
        raise DataError(
            f"Scores must be of stages 0 to {len(languages) - 1} on {', '.join(languages)}, was: "
            f"{', '.join(strange)}"
        )
    listed = sorted({test for _, test in scores}, key=lambda t: (languages.index(t[0]), t[1]))
    rows = tuple(
        tuple(scores.get((stage, test), nan) for test in listed) for stage in range(len(languages))
    )
    return TransferMatrix(tuple(languages), tuple(listed), rows)


def learnt(signature: str) -> tuple[str, ...] | None:
    """The languages that a score's model had learnt one after another; None of other models."""
    found = _LEARNT.search(signature)
    return tuple(found[1].split(">")) if found else None


def of_results(results: Iterable[Mapping[str, Any]]) -> TransferMatrix | None:
    """The matrix of a run's results (`lang`, `test`, `value`, `signature`); None without any.

    Of a run that stopped half way, as far as it came.
    """
    scores: dict[tuple[int, Test], float] = {}
    languages: tuple[str, ...] = ()
    for row in results:
        done = learnt(row["signature"])
        if done is not None:
            languages = max(languages, done, key=len)
            scores[len(done) - 1, (row["lang"], row["test"])] = measured(row["value"])
    known = {at: value for at, value in scores.items() if at[1][0] in languages}
    return sequence(languages, known) if known else None


def measured(value: float) -> float:
    """A score as a number: NaN says that neither side had a span, and nothing was to be found."""
    return 0.0 if isnan(value) else value


def told(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Results whose strategies tell the stage, too: `sequential eng>spa`."""
    return [
        {**row, "strategy": f"{row['strategy']} {'>'.join(done)}"} if done else dict(row)
        for row in results
        for done in [learnt(row["signature"])]
    ]


def columns(tests: Listed[Test]) -> list[str]:
    """What tests are called in a table: by their language, with their name where it has several."""
    number = Counter(lang for lang, _ in tests)
    return [lang if number[lang] == 1 else f"{lang} {name}" for lang, name in tests]
