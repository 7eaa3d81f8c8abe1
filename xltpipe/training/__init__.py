"""Training: learns taggers from examples and loads them again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.training.averaged import Averaged
from xltpipe.training.crf import Crf
from xltpipe.training.filter import Filter
from xltpipe.training.self_distillation import SelfDistillation
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.transformers import Transformers

TrainerSpec = Annotated[
    Crf | Transformers | TextToText | Averaged | Filter | SelfDistillation,
    Field(discriminator="kind"),
]

__all__ = [
    "Averaged",
    "Crf",
    "Filter",
    "SelfDistillation",
    "TextToText",
    "TrainerSpec",
    "Transformers",
]
