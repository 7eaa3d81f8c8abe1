"""Training: learns taggers from examples and loads them again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.training.crf import Crf
from xltpipe.training.subsample import Subsample
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.transformers import Transformers

TrainerSpec = Annotated[Crf | Transformers | TextToText | Subsample, Field(discriminator="kind")]

__all__ = ["Crf", "Subsample", "TextToText", "TrainerSpec", "Transformers"]
