"""The trainers that learn by themselves: what others may wrap."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.training.crf import Crf
from xltpipe.training.text_to_text import TextToText
from xltpipe.training.transformers import Transformers

SingleTrainerSpec = Annotated[Crf | Transformers | TextToText, Field(discriminator="kind")]
