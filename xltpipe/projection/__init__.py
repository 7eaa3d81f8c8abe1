"""Projectors: carry the labels of a source text over to its translation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.projection.aligned import Aligned
from xltpipe.projection.markers import Markers

ProjectorSpec = Annotated[Aligned | Markers, Field(discriminator="kind")]

__all__ = ["Aligned", "Markers", "ProjectorSpec"]
