"""Translation: texts from one language into another, by a chosen engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.translation.copy import Copy
from xltpipe.translation.ctranslate2 import CTranslate2
from xltpipe.translation.vllm import Vllm

TranslatorSpec = Annotated[CTranslate2 | Vllm | Copy, Field(discriminator="kind")]
"""Any translator a recipe may name."""

__all__ = ["CTranslate2", "Copy", "TranslatorSpec", "Vllm"]
