"""Ranking of answers: a linear model of candidates, fitted to those of questions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xltpipe.errors import require
from xltpipe.training.answer_candidates import Asking, Candidates, Floats, Ints, candidates
from xltpipe.training.answers import CONTEXT, QUESTION, answers
from xltpipe.training.tfidf_model import MODEL, VOCABULARY, save_arrays
from xltpipe.types import Example

if TYPE_CHECKING:
    from xltpipe.training.answer_ranker import AnswerRanker


class Question:
    """A training question: its candidates as columns, and which of them are right."""

    def __init__(self, example: Example, asking: Asking) -> None:
        self.seen = candidates(example.texts[QUESTION], example.texts[CONTEXT], asking)
        right = {(span.start, span.end) for span in answers(example)}
        right |= {_trimmed(example.texts[CONTEXT], *place) for place in right}
        self.right = np.array([place in right for place in self.seen.bounds], bool)
        self.answerable = bool(right)


def _trimmed(context: str, start: int, end: int) -> tuple[int, int]:
    """A gold answer without the marks at its end: they are not part of candidates."""
    covered = context[start:end].rstrip(" .,;:")
    return start, start + len(covered)


class Ranking:
    """A linear score of candidates, as log-odds of being right among those learnt from."""

    def __init__(self, vocabulary: dict[str, int], arrays: Mapping[str, Any]) -> None:
        self.vocabulary = vocabulary
        self._arrays = dict(arrays)
        self._terms = np.append(arrays["terms"], 0.0)  # the last is that of unknown terms

    @classmethod
    def fit(
        cls, questions: Sequence[Question], picked: Sequence[Ints], spec: AnswerRanker
    ) -> Ranking:
        """Fit to the picked candidates of each question."""
        sparse = require("scipy.sparse", "train")
        linear = require("sklearn.linear_model", "train")
        vocabulary: dict[str, int] = {}
        names = list(_picked_terms(questions, picked, vocabulary))
        lengths = [len(row) for row in names]
        flat = np.concatenate(names)
        terms = sparse.csr_matrix(
            (np.ones(len(flat)), flat, np.concatenate([[0], np.cumsum(lengths)])),
            shape=(len(names), len(vocabulary)),
        )
        numbers = np.concatenate(
            [q.seen.numbers[p] for q, p in zip(questions, picked, strict=True)]
        )
        mean, scale = numbers.mean(0), numbers.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        truth = np.concatenate([q.right[p] for q, p in zip(questions, picked, strict=True)])
        matrix = sparse.hstack([terms, sparse.csr_matrix((numbers - mean) / scale)], format="csr")
        fitted = linear.LogisticRegression(C=spec.c, max_iter=spec.max_iterations)
        fitted.fit(matrix, truth)
        weights = fitted.coef_[0]
        count = len(vocabulary)
        arrays = {"terms": weights[:count], "numbers": weights[count:], "bias": fitted.intercept_}
        return cls(vocabulary, arrays | {"mean": mean, "scale": scale})

    def scores(self, seen: Candidates) -> Floats:
        """The log-odds of each candidate."""
        unknown = len(self.vocabulary)
        of_terms = np.array(
            [
                self._terms[[self.vocabulary.get(t, unknown) for t in row]].sum()
                for row in seen.terms
            ]
        )
        numbers = (seen.numbers - self._arrays["mean"]) / self._arrays["scale"]
        scores: Floats = of_terms[seen.rows].sum(1) + numbers @ self._arrays["numbers"]
        scores += self._arrays["bias"][0]
        return scores

    def best(self, seen: Candidates) -> tuple[int, float]:
        """The place of the best candidate, the first among equals, and its log-odds."""
        scores = self.scores(seen)
        place = int(scores.argmax())
        return place, float(scores[place])

    def save(self, home: Path, asking: Asking) -> None:
        """Write tensors and vocabulary, without pickle."""
        known = {
            "openers": sorted(asking.openers),
            "rarity": dict(asking.rarity),
            "terms": list(self.vocabulary),
        }
        text = json.dumps(known, ensure_ascii=False, indent=0)
        (home / VOCABULARY).write_text(text + "\n", "utf-8")
        save_arrays(home / MODEL, self._arrays)


def _picked_terms(
    questions: Sequence[Question], picked: Sequence[Ints], vocabulary: dict[str, int]
) -> Iterator[Ints]:
    """The numbers of each picked candidate's terms; new terms get the next number."""
    for question, places in zip(questions, picked, strict=True):
        known: dict[int, list[int]] = {}
        for row in question.seen.rows[places].tolist():
            for at in row:
                if at not in known:
                    terms = question.seen.terms[at]
                    known[at] = [vocabulary.setdefault(t, len(vocabulary)) for t in terms]
            yield np.array([number for at in row for number in known[at]], np.int64)
