"""A language model as judge: one question per row, an answer held to grades, a number 0..1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import nan

import numpy as np

from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats
from xltpipe.quality.llm import LlmJudge
from xltpipe.quality.llm_rubric import fill
from xltpipe.quality.text_pairs import MOST_KEPT
from xltpipe.translation.server_answers import Answer, Question
from xltpipe.translation.server_client import ServerClient
from xltpipe.types import Unit

_BLOCK = 128  # questions between two looks at whether the run was stopped
_ROOM = 16
"""Tokens of an answer: a grade is one, some models put a blank, a sign or an end beside it."""


class Judge:
    """Grades rows; answers are kept: the stage asks again for rows beside a faulty one.

    A row where one side is blank is not graded (NaN): `target_words` fails it.
    """

    def __init__(
        self, settings: LlmJudge, column: Column, client: ServerClient, languages: tuple[str, str]
    ) -> None:
        self.columns = (column,)
        self._settings, self._client, self._languages = settings, client, languages
        self._grades = tuple(str(grade) for grade in range(1, settings.grades + 1))
        self._known: dict[str, float | str] = {}

    def score(self, batch: Batch) -> list[Floats]:
        """One grade per row, 0..1.

        Raises:
            TransientError: the server is busy or away.
            RecipeError: it refuses, or does not hold to the grades.
            DataError: it gives no grade to a row (the message names the example), or a row does
                not fit into the model's context.
        """
        prompts = [self._prompt(unit) for unit in batch.units]
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        self._ask([p for p in dict.fromkeys(prompts) if p is not None and p not in self._known])
        out = np.full(batch.rows, nan)
        for row, prompt in enumerate(prompts):
            if prompt is None:
                continue
            said = self._known[prompt]
            if isinstance(said, str):
                raise DataError(
                    f"Grade must be one of {', '.join(self._grades)}, was: {said!r} for example "
                    f"{batch.units[row].source.id!r}, asked {self._settings.retries + 1} times"
                )
            out[row] = said
        return [out]

    def _prompt(self, unit: Unit) -> str | None:
        if not all("".join(side.texts).strip() for side in (unit.source, unit.target)):
            return None
        return fill(self._settings.rubric, unit, self._languages, self._settings.grades)

    def _ask(self, prompts: Sequence[str]) -> None:
        """Ask, and again for what is no grade; each round asks all that are left of a block."""
        for start in range(0, len(prompts), _BLOCK):
            left = list(prompts[start : start + _BLOCK])
            for attempt in range(self._settings.retries + 1):
                answers = self._client.chat([self._question(p, attempt) for p in left])
                for prompt, answer in zip(left, answers, strict=True):
                    self._known[prompt] = self._read(answer)
                left = [p for p in left if isinstance(self._known[p], str)]
            progress.tick("score", 0)  # answers take long: a run can be stopped between them

    def _question(self, prompt: str, attempt: int) -> Question:
        """The likeliest answer; for another try, when that was of no use, one drawn."""
        settings = self._settings
        return Question(
            prompt,
            _ROOM,
            choice=self._grades if settings.dialect == "vllm" else (),
            temperature=settings.temperature if attempt else 0.0,
            seed=settings.seed + attempt,
            alternatives=len(self._grades),
        )

    def _read(self, answer: Answer) -> float | str:
        """The grade, 0..1, or what was said in its place.

        Raises:
            RecipeError: the server did not hold to the grades, so that it does not know how.
        """
        said = answer.text.strip()
        if said.rstrip(".") not in self._grades:
            if self._settings.dialect == "openai":
                return answer.text
            raise RecipeError(
                f"Server must hold answers to structured_outputs, was: {said!r}, which is no "
                'grade; that needs vLLM >= 0.12, else set dialect = "openai" (for a model that '
                "thinks first: template_arguments = { enable_thinking = false })"
            )
        written = self._grades.index(said.rstrip("."))
        weights = self._weights(answer)
        if not weights[written]:  # the grade was not the first token: its rivals are unknown
            return written / (len(self._grades) - 1)
        grade = sum(k * weight for k, weight in enumerate(weights)) / sum(weights)
        return grade / (len(self._grades) - 1)

    def _weights(self, answer: Answer) -> list[float]:
        """The probability of each grade as the first token; zeros where the server told none."""
        weights = [0.0] * len(self._grades)
        for token, log_prob in answer.first:
            if token.strip() in self._grades:
                weights[self._grades.index(token.strip())] += math.exp(min(0.0, log_prob))
        return weights
