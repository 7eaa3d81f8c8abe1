"""Training: learns taggers from examples and loads them again."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.training.crf import Crf
from xltpipe.training.transformers import Transformers

TrainerSpec = Annotated[Crf | Transformers, Field(discriminator="kind")]

__all__ = ["Crf", "TrainerSpec", "Transformers"]
