"""LLM judge: a language model grades a row by a rubric (GEMBA, Kocmi and Federmann, 2023).

The grade is the mean over all grades by their probabilities where the server tells them (G-Eval;
Liu et al., 2023), else the one it wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from xltpipe.languages import resolve
from xltpipe.quality.column import Column
from xltpipe.quality.llm_rubric import RUBRIC, fault
from xltpipe.translation.server import Server

if TYPE_CHECKING:
    from xltpipe.quality.scorer import Scorer

COLUMN = Column(
    "judged",
    "judged_bad",
    "grade",
    "Grade that a language model gives texts and labels by a rubric, 0 the worst and 1 the best.",
    "GEMBA (Kocmi and Federmann, 2023), G-Eval (Liu et al., 2023); rubric: ours",
    high=1.0,
)

COLUMNS = (COLUMN,)


class LlmJudge(Server):
    """Settings of the server, and what it is asked.

    `rubric` is the prompt; texts are put into it as quoted data, and vLLM holds the answer to the
    grades 1 to `grades`, so that a text cannot talk its way out. With dialect openai the answer is
    free: one that is no grade is asked for again `retries` times, at `temperature` and with seeds
    from `seed` on, and then the row is at fault.
    """

    rubric: str = RUBRIC
    grades: int = Field(default=5, ge=2, le=9)
    retries: int = Field(default=2, ge=0)
    temperature: float = Field(default=0.7, gt=0, le=2)
    seed: int = Field(default=0, ge=0)

    @field_validator("rubric")
    @classmethod
    def _fillable(cls, rubric: str) -> str:
        wrong = fault(rubric)
        if wrong is not None:
            raise ValueError(wrong)
        return rubric

    def build(self, source: str, target: str) -> Scorer:
        """The scorer for this pair; nothing is asked yet.

        Raises:
            RecipeError: the key's file cannot be used.
        """
        from xltpipe.quality.llm_judge import Judge

        languages = resolve(source).name, resolve(target).name
        return Judge(self, COLUMN, self.client(), languages)
