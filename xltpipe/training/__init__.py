"""Training: learns taggers from examples and loads them again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.errors import RecipeError
from xltpipe.kinds import Task
from xltpipe.spec import Spec
from xltpipe.training.answer_ranker import AnswerRanker
from xltpipe.training.averaged import Averaged
from xltpipe.training.chat import Chat
from xltpipe.training.crf import Crf
from xltpipe.training.event_crf import EventCrf
from xltpipe.training.filter import Filter
from xltpipe.training.neural import BiGru, CharCnn
from xltpipe.training.self_distillation import SelfDistillation
from xltpipe.training.seq2seq import Seq2Seq
from xltpipe.training.subsample import Subsample
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.tfidf import Tfidf
from xltpipe.training.transformers import Transformers

TrainerSpec = Annotated[
    Crf
    | EventCrf
    | Tfidf
    | AnswerRanker
    | CharCnn
    | BiGru
    | Transformers
    | TextToText
    | Chat
    | Seq2Seq
    | Averaged
    | Filter
    | SelfDistillation
    | Subsample,
    Field(discriminator="kind"),
]

CONTINUING = frozenset({"charcnn", "bigru", "transformers", "text_to_text"})
"""Kinds of trainers whose models can learn further (`Continuing` in xltpipe/protocols.py)."""

__all__ = [
    "CONTINUING",
    "AnswerRanker",
    "Averaged",
    "BiGru",
    "CharCnn",
    "Chat",
    "Crf",
    "EventCrf",
    "Filter",
    "SelfDistillation",
    "Seq2Seq",
    "Subsample",
    "TextToText",
    "Tfidf",
    "TrainerSpec",
    "Transformers",
    "asked_by",
    "continues",
    "default_trainer",
    "innermost",
]


def continues(spec: TrainerSpec) -> bool:
    """Whether models of this trainer can learn further."""
    return (spec.of if isinstance(spec, Subsample) else spec).kind in CONTINUING


def asked_by(spec: TrainerSpec) -> int | None:
    """The texts before the options that a trainer of choice takes for the question."""
    told = getattr(innermost(spec), "prompts", None)
    return told if isinstance(told, int) else None


def innermost(spec: TrainerSpec) -> Spec:
    """The trainer that does the work, where others stand over it (`subsample`, `averaged`)."""
    inner = getattr(spec, "of", None) or getattr(spec, "trainer", None)
    return spec if inner is None else innermost(inner)


def default_trainer(task: Task, prompts: int = 1) -> TrainerSpec:
    """A trainer without weights that learns a kind of task on a CPU.

    `prompts` are the texts before the options of choice.

    Raises:
        RecipeError: there is none: what writes texts needs a model, or much data.
    """
    if task == "spans":
        return Crf()
    if task in EventCrf.tasks:
        return EventCrf()
    if task in Tfidf.tasks:
        return Tfidf(prompts=prompts)
    if task in AnswerRanker.tasks:
        return AnswerRanker()
    able = [one.model_fields["kind"].default for one in (Chat, Seq2Seq) if task in one.tasks]
    named = " or ".join(f'"{kind}"' for kind in able)
    raise RecipeError(
        f'Task must have a trainer without weights for that, was: "{task}"; name one in the recipe '
        f'([training] kind = {named}), or make its corpus alone (strategies = ["corpus"])'
    )
