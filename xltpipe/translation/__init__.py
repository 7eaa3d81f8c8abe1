"""Translation: texts from one language into another, by a chosen engine."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.translation.apertium import Apertium
from xltpipe.translation.copy import Copy
from xltpipe.translation.ctranslate2 import CTranslate2
from xltpipe.translation.fallback import Fallback
from xltpipe.translation.pivot import Pivot
from xltpipe.translation.transformers import Transformers
from xltpipe.translation.vllm import Vllm

TranslatorSpec = Annotated[
    CTranslate2 | Transformers | Vllm | Apertium | Copy | Pivot | Fallback,
    Field(discriminator="kind"),
]
"""Any translator a recipe may name."""

__all__ = [
    "Apertium",
    "CTranslate2",
    "Copy",
    "Fallback",
    "Pivot",
    "Transformers",
    "TranslatorSpec",
    "Vllm",
]
