"""Tfidf: logistic regression over n-grams, and over what two texts share, by scikit-learn.

For classes, pairs and choices, with no weights and no GPU. Pairs are told by the words that one
side has alone, pairs of these, and overlap (after Bowman et al., 2015, "lexicalised classifier").
An option is scored by itself against its question; what is learnt are the differences between
right and wrong options (Joachims, 2002), so that their order cannot matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.kinds import Task
from xltpipe.protocols import Tagger, Trainer
from xltpipe.spec import Spec
from xltpipe.training.labelled import CHUNK, Labelled, LabelTagger, check_task, parts
from xltpipe.training.sentences import REPORT, SETTINGS, make_home, read_settings, write_json
from xltpipe.training.tfidf_features import Relation, grams, words
from xltpipe.training.tfidf_model import Columns, Floats, Seen, damaged
from xltpipe.types import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Tfidf(Spec):
    """Settings of the linear model.

    On SIB-200 (701 English topics) and SICK (4,439 English pairs) a fit takes seconds on one core.
    """

    tasks: ClassVar[frozenset[Task]] = frozenset({"classification", "pairs", "choice"})

    kind: Literal["tfidf"] = "tfidf"
    words: int = Field(default=2, ge=1, le=5)
    """Longest n-gram of words."""
    characters: tuple[int, int] = (2, 5)
    """Shortest and longest n-gram of characters inside a word; (0, 0) for none."""
    min_count: int = Field(default=1, ge=1)
    """Terms of fewer training rows are left out."""
    c: float = Field(default=10.0, gt=0)
    """Inverse strength of the L2 penalty."""
    max_iterations: int = Field(default=300, ge=1)
    class_weights: Literal["none", "balanced"] = "none"
    """`balanced`: all labels weigh the same in sum; choices have no classes to weigh."""
    prompts: int = Field(default=1, ge=1)
    """Of choice: how many texts come before the options (2: context and question)."""

    @field_validator("characters")
    @classmethod
    def _sizes(cls, value: tuple[int, int]) -> tuple[int, int]:
        if value != (0, 0) and not 1 <= value[0] <= value[1]:
            raise ValueError(
                "characters must be the shortest and longest n-gram, 1 or more, or (0, 0) for "
                f"none, was: {value}"
            )
        return value

    def check(self) -> None:
        require("sklearn", "train")
        require("safetensors", "train")

    def build(self, seed: int, task: Task = "classification") -> Trainer:  # noqa: ARG002 - convex
        """Make the trainer; every seed gives the same model.

        Raises:
            RecipeError: it cannot learn this task.
        """
        check_task(self.kind, self.tasks, task)
        self.check()
        return TfidfTrainer(self, task)

    def load(self, home: Path) -> Tagger:
        """The tagger that a trainer of this kind left in `home`.

        Raises:
            DataError: there is none.
        """
        return TfidfTagger(home)


class TfidfTrainer:
    """Extracts features, and fits to the minimum of a convex loss: nothing is drawn."""

    def __init__(self, spec: Tfidf, task: Task) -> None:
        self._spec = spec
        self._task: Task = task

    def train(self, examples: Iterable[Example], dev: Iterable[Example], home: Path) -> None:  # noqa: ARG002
        """Write `model.safetensors`, `vocabulary.json`, `settings.json` and `report.json`.

        `dev` is not looked at.

        Raises:
            DataError: no labelled example, one label alone, or `home` is not empty.
        """
        reading = Labelled(self._task, self._spec.prompts)
        rows = list(reading.examples(examples))
        reading.check()
        make_home(home)
        columns, tensors, labels = self._fit(rows, reading)
        columns.save(home, tensors)
        settings = self._spec.identity() | {"task": self._task, "labels": labels}
        write_json(home / SETTINGS, settings)
        counts = dict(sorted(reading.labels.items()))
        write_json(home / REPORT, reading.counts | {"labels": labels, "label_counts": counts})

    def _fit(
        self, rows: Sequence[Example], reading: Labelled
    ) -> tuple[Columns, dict[str, Floats], list[str]]:
        look = Looking(self._spec, self._task)
        progress.expect("train", len(rows))
        seen: list[list[Seen]] = []
        for start in range(0, len(rows), CHUNK):
            batch = rows[start : start + CHUNK]
            seen += [look(parts(e, self._task, self._spec.prompts)) for e in batch]
            progress.tick("train", len(batch))
        flat = [one for row in seen for one in row]
        columns = Columns.learn(flat, self._spec.min_count)
        matrix = columns.matrix(flat)
        given = [str(e.label) for e in rows]
        if self._task == "choice":
            fitted = self._fit_options(matrix, [len(row) for row in seen], given)
            return columns, {"weights": fitted.coef_}, []
        fitted = self._regression().fit(matrix, given)
        labels = sorted(reading.labels)
        tensors = {"weights": fitted.coef_, "bias": fitted.intercept_}
        if len(labels) == 2:  # scikit-learn has one row then, for the second label
            tensors = {name: np.concatenate([-one, one]) / 2 for name, one in tensors.items()}
        return columns, tensors, labels

    def _fit_options(self, matrix: Any, sizes: Sequence[int], given: Sequence[str]) -> Any:
        """Fit the differences between the right option and each wrong one, and their opposites."""
        sparse = require("scipy.sparse", "train")
        right: list[int] = []
        wrong: list[int] = []
        first = 0
        for size, label in zip(sizes, given, strict=True):
            others = [first + i for i in range(size) if i != int(label)]
            right += [first + int(label)] * len(others)
            wrong += others
            first += size
        apart = matrix[right] - matrix[wrong]
        truth = np.repeat([1, 0], len(right))
        return self._regression(fit_intercept=False).fit(sparse.vstack([apart, -apart]), truth)

    def _regression(self, **settings: Any) -> Any:
        linear = require("sklearn.linear_model", "train")
        weight = "balanced" if self._spec.class_weights == "balanced" else None
        return linear.LogisticRegression(
            C=self._spec.c, max_iter=self._spec.max_iterations, class_weight=weight, **settings
        )


class Looking:
    """What the model sees of a row of `parts`: one thing, or one per option."""

    def __init__(self, spec: Tfidf, task: Task) -> None:
        self._spec = spec
        self._task: Task = task

    def __call__(self, row: tuple[str, ...]) -> list[Seen]:
        found = [words(text) for text in row]
        if self._task == "classification":
            return [Seen((self._grams(found[0]),), [])]
        if self._task == "pairs":
            sides = [f"{n} {term}" for n, side in enumerate(found) for term in self._grams(side)]
            return [self._related(found[0], found[1], sides)]
        return [self._related(found[0], option, self._grams(option)) for option in found[1:]]

    def _grams(self, found: Sequence[str]) -> list[str]:
        return list(grams(found, self._spec.words, self._spec.characters))

    def _related(self, left: Sequence[str], right: Sequence[str], terms: list[str]) -> Seen:
        relation = Relation.of(left, right)
        return Seen((terms, list(relation.terms())), relation.numbers())


class TfidfTagger(LabelTagger):
    """A trained linear model."""

    def __init__(self, home: Path) -> None:
        settings = read_settings(home, "tfidf")
        fields = {name: settings[name] for name in Tfidf.model_fields if name in settings}
        spec = Tfidf.model_validate(fields)
        super().__init__(settings["task"], spec.prompts)
        self._look = Looking(spec, self._task)
        self._labels: list[str] = settings["labels"]
        self._columns, tensors = Columns.load(home)
        try:
            self._weights = tensors["weights"]
            self._bias = tensors.get("bias", np.zeros(1))
        except KeyError as error:
            raise damaged(home, error) from error

    def _likely(self, rows: Sequence[tuple[str, ...]]) -> list[dict[str, float]]:
        seen = [self._look(row) for row in rows]
        scores = self._columns.matrix([one for row in seen for one in row]) @ self._weights.T
        scores = np.asarray(scores) + self._bias
        if self._task != "choice":
            return [dict(zip(self._labels, p, strict=True)) for p in softmax(scores).tolist()]
        out, first = [], 0
        for row in seen:
            likely = softmax(scores[first : first + len(row), 0]).tolist()
            out.append({str(number): p for number, p in enumerate(likely)})
            first += len(row)
        return out


def softmax(scores: NDArray[Any]) -> NDArray[Any]:
    """Probabilities along the last axis."""
    odds = np.exp(scores - scores.max(-1, keepdims=True))
    likely: NDArray[Any] = odds / odds.sum(-1, keepdims=True)
    return likely
