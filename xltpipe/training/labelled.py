"""Labelled: what is learnt where a whole example has one label, and how labels are predicted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.types import Example

CHUNK = 256
"""Examples that are predicted together, and between two ticks of the progress."""


def check_task(kind: str, able: Iterable[Task], task: Task) -> None:
    """Check that a kind of trainer can learn a kind of task.

    Raises:
        RecipeError: it cannot.
    """
    if task not in able:
        raise RecipeError(
            f'Task of trainer "{kind}" must be one of {", ".join(sorted(able))}, was: "{task}"; '
            "choose another trainer"
        )


def parts(example: Example, task: Task, prompts: int = 1) -> tuple[str, ...]:
    """The texts of an example of this task: one, two, or what is asked and its options.

    Of choice, the `prompts` texts before the options become one. So do all of classification.

    Raises:
        DataError: the example has not as many texts as its task needs.
    """
    texts = example.texts
    if task == "classification":
        return ("\n".join(texts),)
    if task == "pairs":
        if len(texts) != 2:
            raise _wrong(example, "two texts")
        return texts
    if len(texts) < prompts + 2:
        raise _wrong(example, f"at least {prompts + 2} texts ({prompts} asking, then options)")
    return ("\n".join(texts[:prompts]), *texts[prompts:])


def _wrong(example: Example, needed: str) -> DataError:
    return DataError(
        f"Example must have {needed}, was: {len(example.texts)} (example {example.id!r}); "
        "look at the recipe's task and at the columns that its source reads"
    )


class Labelled:
    """Streams the examples that have a label, and counts what it saw.

    `unlabelled` examples are left out, and so are those of dev (`known` labels given) that have a
    label that training does not know.
    """

    def __init__(self, task: Task, prompts: int = 1, known: Iterable[str] | None = None) -> None:
        self._task: Task = task
        self._prompts = prompts
        self._known = None if known is None else frozenset(known)
        self.counts = {"examples": 0, "unlabelled": 0, "unknown_labels": 0}
        self.labels: Counter[str] = Counter()

    def examples(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Those to learn from; of choice, with a label that is the number of an option.

        Raises:
            DataError: an example has other texts than its task needs, or no such option.
        """
        for example in examples:
            self.counts["examples"] += 1
            options = len(parts(example, self._task, self._prompts)) - 1
            if example.label is None:
                self.counts["unlabelled"] += 1
                continue
            if self._known is not None and example.label not in self._known:
                self.counts["unknown_labels"] += 1
                continue
            if self._task == "choice" and example.label not in map(str, range(options)):
                raise DataError(
                    f"Label must be the number of an option (0..{options - 1}), was: "
                    f"{example.label!r} (example {example.id!r})"
                )
            self.labels[example.label] += 1
            yield example

    def check(self) -> None:
        """Check that there was something to learn.

        Raises:
            DataError: no labelled example, or one label only (of choice, one is enough).
        """
        if not self.labels:
            raise DataError(
                f"Training data must hold at least one labelled example, was: none in "
                f"{self.counts['examples']}; look at the rejected rows: were all dropped?"
            )
        if len(self.labels) == 1 and self._task != "choice":
            raise DataError(
                f"Training data must hold at least two labels, was: {next(iter(self.labels))!r} "
                f"alone in {self.labels.total()} examples; there is nothing to tell apart"
            )


def balanced(counts: Mapping[str, int], labels: Sequence[str]) -> list[float]:
    """The weight of each label: n / (labels * n of this label), 1 where it is not seen.

    All labels then weigh the same in sum (King and Zeng, 2001), and the mean weight is 1.
    """
    seen = [counts.get(label, 0) for label in labels]
    total, kinds = sum(seen), sum(n > 0 for n in seen)
    return [total / (kinds * n) if n else 1.0 for n in seen]


class LabelTagger(ABC):
    """Predicts the most likely label, the first by name among equals."""

    def __init__(self, task: Task, prompts: int = 1) -> None:
        self._task: Task = task
        self._prompts = prompts

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted labels; of choice, the number of the option as text."""
        likely = self.probabilities(examples)
        return [
            replace(example, label=max(sorted(found), key=found.__getitem__))
            for example, found in zip(examples, likely, strict=True)
        ]

    def probabilities(self, examples: Sequence[Example]) -> list[dict[str, float]]:
        """The probability of every label, for each example; they add up to one.

        Raises:
            DataError: an example has other texts than the task needs.
        """
        out: list[dict[str, float]] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._likely([parts(e, self._task, self._prompts) for e in batch])
            progress.tick("predict", len(batch))
        return out

    @abstractmethod
    def _likely(self, rows: Sequence[tuple[str, ...]]) -> list[dict[str, float]]:
        """The probabilities for rows of `parts`, same order."""
