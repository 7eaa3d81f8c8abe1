"""Answers: questions with their contexts to learn from, and what was left out of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from xltpipe.errors import DataError
from xltpipe.types import Bounds, Example, Span

ANSWER = "answer"
QUESTION, CONTEXT = 0, 1


class Questions:
    """Streams the questions that can be learnt from, and counts what it saw.

    `unanswerable` questions have no answer in their context, and are learnt so; `masked` ones lost
    it on its way through translation, so nobody knows, and they are left out.
    """

    def __init__(self) -> None:
        self.counts = {"examples": 0, "questions": 0, "unanswerable": 0, "masked_questions": 0}

    def examples(self, examples: Iterable[Example]) -> Iterator[Example]:
        """Those to learn from.

        Raises:
            DataError: an example does not have two texts.
        """
        for example in examples:
            check_texts(example)
            self.counts["examples"] += 1
            if CONTEXT in example.masked:
                self.counts["masked_questions"] += 1
                continue
            self.counts["questions"] += 1
            self.counts["unanswerable"] += not answers(example)
            yield example

    def check(self) -> None:
        """Check that there was something to learn.

        Raises:
            DataError: no question has an answer.
        """
        if self.counts["questions"] == self.counts["unanswerable"]:
            raise DataError(
                "Training data must hold at least one answered question, was: none in "
                f"{self.counts['examples']} examples; look at projection: were all answers lost? "
                f'Answers are spans "{ANSWER}" in the second text'
            )


def check_texts(example: Example) -> None:
    """Check that it is a question on a context.

    Raises:
        DataError: it does not have two texts.
    """
    if len(example.texts) != 2:
        raise DataError(
            "Example must have two texts, question and context, was: "
            f"{len(example.texts)} (example {example.id!r}); look at the recipe's task"
        )


def answers(example: Example) -> list[Span]:
    """The answers in the context, in the order of the data."""
    return [s for s in example.spans if s.text == CONTEXT and s.label.casefold() == ANSWER]


def answered(example: Example, *found: Bounds) -> Example:
    """The example with these stretches of the context as its answers, best first, or none."""
    return replace(example, spans=tuple(Span(*bounds, ANSWER, CONTEXT) for bounds in found))


def best(scored: Iterable[tuple[float, Bounds]], count: int) -> list[Bounds]:
    """The `count` stretches of the highest scores, best first, of equal ones the earlier."""
    highest: dict[Bounds, float] = {}
    for score, bounds in scored:
        highest[bounds] = max(score, highest.get(bounds, score))
    return sorted(highest, key=lambda one: -highest[one])[:count]
