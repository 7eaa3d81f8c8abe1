"""The projectors that may stand alone or in a chain: the union is the registry."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xltpipe.projection.aligned import Aligned
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.constrained import Constrained
from xltpipe.projection.llm import Llm
from xltpipe.projection.markers import Markers
from xltpipe.projection.tags import Tags

SingleProjectorSpec = Annotated[
    Aligned | Markers | Tags | Candidates | Constrained | Llm, Field(discriminator="kind")
]
