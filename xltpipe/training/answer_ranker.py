"""AnswerRanker: the most likely stretch of a context as the answer, by logistic regression.

A floor for extractive question answering where there are no weights: it knows words by their
shape and by whether the question has them, and nothing of what they mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import log
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.json_text import loads
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Spec
from xltpipe.text import key, tokenise
from xltpipe.training.answer_candidates import Asking, Floats, Ints, candidates, stem
from xltpipe.training.answer_ranking import Question, Ranking
from xltpipe.training.answers import (
    CONTEXT,
    QUESTION,
    Questions,
    answered,
    best,
    check_texts,
)
from xltpipe.training.labelled import check_task
from xltpipe.training.sentences import REPORT, SETTINGS, make_home, read_settings, write_json
from xltpipe.training.tfidf_model import MODEL, VOCABULARY, damaged, load_arrays
from xltpipe.types import Bounds, Example

COMMON = 0.01
"""Words that open this share of the training questions tell what is asked."""


class AnswerRanker(Spec):
    """Settings of the ranker."""

    tasks: ClassVar[frozenset[Task]] = frozenset({"qa"})

    kind: Literal["answer_ranker"] = "answer_ranker"
    longest: int = Field(default=10, ge=1, le=50)
    """Words of the longest answer that can be found."""
    negatives: int = Field(default=60, ge=1)
    """Wrong candidates that are learnt from, for each question and each of two rounds."""
    c: float = Field(default=0.1, gt=0)
    """Inverse strength of the L2 penalty."""
    max_iterations: int = Field(default=200, ge=1)
    n_best: int = Field(default=1, ge=1, le=100)
    """Answers to give to a question, best first; the metric `retrieval` looks down the list."""

    def check(self) -> None:
        require("sklearn", "train")
        require("safetensors", "train")

    def build(self, seed: int, task: Task = "qa") -> Trainer:
        """Make the trainer; the seed draws the wrong candidates of the first round.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return AnswerRankerTrainer(self, seed)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        return AnswerRankerTagger(home, self.n_best)


class AnswerRankerTrainer:
    """Learns right from wrong candidates: first drawn ones, then those it took for right."""

    def __init__(self, spec: AnswerRanker, seed: int) -> None:
        self._spec = spec
        self._seed = seed

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Write `model.safetensors`, `vocabulary.json`, `settings.json` and `report.json`.

        `dev` is not looked at. `unreachable` counts the questions none of whose answers is a
        candidate: they are left out.

        Raises:
            DataError: no answered question, or `home` is not empty.
        """
        reading = Questions()
        rows = list(reading.examples(examples))
        reading.check()
        make_home(home)
        asking = _asking(rows, self._spec.longest)
        progress.expect("train", len(rows))
        questions = []
        for example in rows:
            questions.append(Question(example, asking))
            progress.tick("train", 1)
        learnt = [q for q in questions if q.right.any() or not q.answerable]
        model = self._fit([q for q in learnt if len(q.right)])
        threshold = _threshold(model, learnt) if reading.counts["unanswerable"] else None
        model.save(home, asking)
        settings = {"task": "qa", "seed": self._seed, "threshold": threshold}
        write_json(home / SETTINGS, self._spec.identity() | settings)
        counts = {"unreachable": len(questions) - len(learnt), "terms": len(model.vocabulary)}
        write_json(home / REPORT, reading.counts | counts)

    def _fit(self, questions: Sequence[Question]) -> Ranking:
        rng = np.random.default_rng(self._seed)
        picked = [_some(q.right, rng.random(len(q.right)), self._spec.negatives) for q in questions]
        model = Ranking.fit(questions, picked, self._spec)
        harder = [_some(q.right, model.scores(q.seen), self._spec.negatives) for q in questions]
        both = [np.union1d(a, b) for a, b in zip(picked, harder, strict=True)]
        return Ranking.fit(questions, both, self._spec)


def _some(right: Any, order: Floats, count: int) -> Ints:
    """The right candidates, and the `count` wrong ones that are first by `order`."""
    wrong = np.flatnonzero(~right)
    first = wrong[np.argsort(-order[wrong], kind="stable")[:count]]
    return np.concatenate([np.flatnonzero(right), first])


def _asking(rows: Sequence[Example], longest: int) -> Asking:
    firsts: Counter[str] = Counter()
    texts: dict[str, None] = {}
    for example in rows:
        question = example.texts[QUESTION]
        found = [key(question[a:b]) for a, b in tokenise(question).bounds]
        firsts.update([word for word in found if word[:1].isalnum()][:1])
        texts.update(dict.fromkeys(example.texts))
    openers = {word for word, n in firsts.items() if n >= max(2, COMMON * len(rows))}
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update({stem(text[a:b]) for a, b in tokenise(text).bounds})
    most = log(len(texts) + 1)
    rarity = {
        s: round(log((len(texts) + 1) / n) / most, 4) for s, n in sorted(seen.items()) if n > 1
    }
    return Asking(frozenset(openers), rarity, longest)


def _threshold(model: Ranking, questions: Sequence[Question]) -> float:
    """The log-odds from which on an answer is given, by which most training questions are right."""
    rated = []
    for question in questions:
        if not len(question.right):
            continue
        place, odds = model.best(question.seen)
        rated.append((odds, bool(question.right[place]), question.answerable))
    rated.sort(key=lambda r: -r[0])
    right = sum(not answerable for *_, answerable in rated)
    best, threshold = right, rated[0][0] + 1 if rated else 0.0
    for odds, correct, answerable in rated:
        right += correct - (not answerable)
        if right > best:
            best, threshold = right, odds
    return round(threshold, 6)


class AnswerRankerTagger:
    """A trained ranker."""

    def __init__(self, home: Path, n_best: int = 1) -> None:
        settings = read_settings(home, "answer_ranker")
        arrays = load_arrays(home / MODEL)
        self._threshold: float | None = settings["threshold"]
        self._count = n_best
        try:
            known = loads((home / VOCABULARY).read_bytes())
            vocabulary = {term: at for at, term in enumerate(known["terms"])}
            openers = frozenset(known["openers"])
            self._asking = Asking(openers, known["rarity"], settings["longest"])
            self._model = Ranking(vocabulary, arrays)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise damaged(home / VOCABULARY, error) from error

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with their answers, spans `answer` in the second text, best first, or none.

        Raises:
            DataError: an example does not have two texts.
        """
        out = []
        for example in examples:
            out.append(answered(example, *self._answers(example)))
            progress.tick("predict", 1)
        return out

    def _answers(self, example: Example) -> list[Bounds]:
        check_texts(example)
        seen = candidates(example.texts[QUESTION], example.texts[CONTEXT], self._asking)
        if not seen.bounds:
            return []
        odds = self._model.scores(seen).tolist()
        if self._threshold is not None and max(odds) < self._threshold:
            return []
        return best(zip(odds, seen.bounds, strict=True), self._count)
