"""Projectors: carry the labels of a source text over to its translation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.projection.aligned import Aligned
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.chain import Chain, Method
from xltpipe.projection.constrained import Constrained
from xltpipe.projection.llm import Llm
from xltpipe.projection.markers import Markers
from xltpipe.projection.tags import Tags

ProjectorSpec = Annotated[
    Aligned | Markers | Tags | Candidates | Constrained | Llm | Chain, Field(discriminator="kind")
]
"""Any projector a recipe may name."""

__all__ = [
    "Aligned",
    "Candidates",
    "Chain",
    "Constrained",
    "Llm",
    "Markers",
    "Method",
    "ProjectorSpec",
    "Tags",
]
