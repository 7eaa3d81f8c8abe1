"""Tools for projectors under test: one aligner for whatever settings, a model if one is given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.examples import Identity
from xltpipe.alignment import AlignerSpec
from xltpipe.protocols import Aligner


@dataclass
class ToyTools:
    given: Aligner | None = None
    model: Path | None = None
    source: str = "eng"
    target: str = "spa"
    native_markers: bool = False
    native_tags: bool = False

    def aligner(self, spec: AlignerSpec) -> Aligner:
        return self.given or Identity()
