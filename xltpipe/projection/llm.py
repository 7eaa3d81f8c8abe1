"""Llm: a language model finds each label in the translation (CLaP; Parekh et al., 2024)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from xltpipe import progress
from xltpipe.alignment import AlignerSpec
from xltpipe.languages import resolve
from xltpipe.projection.filling import Placed, filled
from xltpipe.projection.llm_places import Claim, choose
from xltpipe.projection.llm_prompt import PROMPT, fault, fill
from xltpipe.projection.llm_tasks import Bounded, Mode, Said, Task, read, task
from xltpipe.projection.tools import Projection, Tools
from xltpipe.translation.server import Server
from xltpipe.translation.server_answers import Question
from xltpipe.translation.server_client import ServerClient
from xltpipe.types import Example, Unit

_BLOCK = 512  # questions between two looks at whether the run was stopped


class Llm(Server, Projection):
    """Settings of the server, and how it is asked.

    `mode` choice lets the server answer with nothing but stretches of the target's words (vLLM's
    structured_outputs); above `most_choices` of them it gets them as a regular expression, and
    where that is too long, too, it may answer freely. The placement's method says which it was.
    `ratio` bounds an answer's length against that of the source span. A free answer that is not
    in the text is asked for again `retries` times, at `temperature` and with seeds from `seed` on.
    `descriptions` say what labels mean: the model sees them in the place of the bare labels.
    """

    kind: Literal["llm"] = "llm"
    mode: Mode = "choice"
    prompt: str = PROMPT
    descriptions: dict[str, str] = Field(default_factory=dict)
    ratio: float = Field(default=2.0, gt=0)
    most_choices: int = Field(default=512, ge=1)
    retries: int = Field(default=2, ge=0)
    temperature: float = Field(default=0.7, gt=0, le=2)
    seed: int = Field(default=0, ge=0)

    in_place: ClassVar[bool] = True
    marking: ClassVar[None] = None

    @field_validator("prompt")
    @classmethod
    def _fillable(cls, prompt: str) -> str:
        wrong = fault(prompt)
        if wrong is not None:
            raise ValueError(wrong)
        return prompt

    @model_validator(mode="after")
    def _held(self) -> Llm:
        if self.dialect == "openai" and self.mode != "free":
            raise ValueError(
                f'mode must be "free" with dialect = "openai", was: {self.mode!r}; answers are '
                "held to choices by vLLM only"
            )
        return self

    def aligners(self) -> tuple[AlignerSpec, ...]:
        return ()

    def build(self, tools: Tools) -> LlmProjector:
        languages = resolve(tools.source).name, resolve(tools.target).name
        return LlmProjector(self, self.client(), languages)


class LlmProjector:
    """Asks for each span by itself, then gives all spans of a text their places together."""

    in_place: ClassVar[bool] = True

    def __init__(self, settings: Llm, client: ServerClient, languages: tuple[str, str]) -> None:
        self._settings, self._client, self._languages = settings, client, languages
        self._bounded = Bounded(settings.mode, settings.ratio, settings.most_choices)

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: Sequence[Unit]) -> list[Unit]:
        """Fill spans and placements.

        The score of a span is the probability of its answer among the choices or, of a free
        answer, the geometric mean of its tokens' probabilities; None if the server gave none.

        Raises:
            TransientError: the server is busy or away.
            RecipeError: it refuses, or does not hold to the choices.
            DataError: a prompt does not fit into the model's context.
        """
        found: list[dict[int, Said | str]] = [{} for _ in units]
        asked: list[tuple[int, int, Task]] = []
        for n, unit in enumerate(units):
            for k in range(len(unit.source.spans)):
                one = self._task(unit, k)
                if isinstance(one, str):
                    found[n][k] = one
                else:
                    asked.append((n, k, one))
        for start in range(0, len(asked), _BLOCK):
            block = asked[start : start + _BLOCK]
            answers = self._ask([one for _, _, one in block])
            for (n, k, _), said in zip(block, answers, strict=True):
                found[n][k] = said
            progress.tick("project", 0)  # answers take long: a run can be stopped between them
        return [_placed(unit, said) for unit, said in zip(units, found, strict=True)]

    def _task(self, unit: Unit, number: int) -> Task | str:
        span = unit.source.spans[number]
        if span.text >= len(unit.target.texts):
            return "text_missing"
        settings = self._settings
        prompt = fill(settings.prompt, unit, span, self._languages, settings.descriptions)
        return task(unit, span, prompt, self._bounded, settings.seed)

    def _ask(self, tasks: Sequence[Task]) -> list[Said | str]:
        """Ask, and again for what is not in the text; each round asks all that are left at once."""
        out: list[Said | str] = ["no_answer"] * len(tasks)
        left = list(range(len(tasks)))
        for attempt in range(self._settings.retries + 1):
            questions = [self._again(tasks[k].question, attempt) for k in left]
            for k, answer in zip(left, self._client.chat(questions), strict=True):
                out[k] = read(tasks[k], answer)
            left = [k for k in left if isinstance(out[k], str) and tasks[k].mode == "free"]
        return out

    def _again(self, question: Question, attempt: int) -> Question:
        """The question for another try: the likeliest answer was of no use, so draw one."""
        if attempt == 0:
            return question
        seed = question.seed + attempt
        return replace(question, temperature=self._settings.temperature, seed=seed)


def _placed(unit: Unit, said: Mapping[int, Said | str]) -> Unit:
    """The unit with the answers' places given out, text by text."""
    spans = unit.source.spans
    out: dict[int, Placed | str] = {k: one for k, one in said.items() if isinstance(one, str)}
    answers = {k: one for k, one in said.items() if not isinstance(one, str)}
    for text in sorted({spans[k].text for k in answers}):
        inside = [k for k in answers if spans[k].text == text]
        claims = [Claim(spans[k], answers[k].places, answers[k].score or 0.0) for k in inside]
        lengths = len(unit.source.texts[text]), len(unit.target.texts[text])
        for k, place in zip(inside, choose(claims, *lengths), strict=True):
            if place is None:
                out[k] = "overlap"
                continue
            span = replace(spans[k], start=place[0], end=place[1])
            out[k] = Placed(span, answers[k].score, answers[k].method)
    return filled(unit, out, "llm")
