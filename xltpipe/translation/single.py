"""The translators that may stand alone, in a chain or as a leg: the union is the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.translation.apertium import Apertium
from xltpipe.translation.copy import Copy
from xltpipe.translation.ctranslate2 import CTranslate2
from xltpipe.translation.transformers import Transformers
from xltpipe.translation.vllm import Vllm

SingleTranslatorSpec = Annotated[
    CTranslate2 | Transformers | Vllm | Apertium | Copy, Field(discriminator="kind")
]
