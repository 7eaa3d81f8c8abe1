"""Aligners: link the words of sentence pairs."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.alignment.attention import Attention
from xltpipe.alignment.auto import Auto
from xltpipe.alignment.eflomal import Eflomal
from xltpipe.alignment.ensemble import Ensemble
from xltpipe.alignment.fast_align import FastAlign
from xltpipe.alignment.hmm import HMM
from xltpipe.alignment.lexical import Lexical
from xltpipe.alignment.simalign import SimAlign

AlignerSpec = Annotated[
    HMM | Attention | FastAlign | Eflomal | SimAlign | Lexical | Ensemble | Auto,
    Field(discriminator="kind"),
]

__all__ = [
    "HMM",
    "AlignerSpec",
    "Attention",
    "Auto",
    "Eflomal",
    "Ensemble",
    "FastAlign",
    "Lexical",
    "SimAlign",
]
