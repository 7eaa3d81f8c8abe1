"""Tools: what a projector may ask for when it is built; and sending texts without any."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from xltpipe.alignment import AlignerSpec
from xltpipe.protocols import Aligner
from xltpipe.spec import Spec
from xltpipe.types import Example


class Tools(Protocol):
    """The run as a projector sees it.

    `source` and `target` are the languages of a unit's two sides (ISO 639-3): for translate-test
    the predicted side is the source. `native_markers` says that the engine was trained with
    markers, `native_tags` that it carries tags along by itself; `model` is the directory of its
    CTranslate2 model, None if it has none.
    """

    @property
    def source(self) -> str: ...

    @property
    def target(self) -> str: ...

    @property
    def native_markers(self) -> bool: ...

    @property
    def native_tags(self) -> bool: ...

    @property
    def model(self) -> Path | None: ...

    def aligner(self, spec: AlignerSpec) -> Aligner:
        """The trained aligner that these settings of the projector mean, loaded once."""
        ...


class Projection(Spec):
    """Base of the settings of projectors."""

    def meet(self, tools: Tools) -> None:
        """Meet the faults that only the run shows, before it begins; by default there are none.

        Raises:
            RecipeError: what the run has does not suit these settings.
        """


class Plain:
    """Sends texts as they are: for projectors that label the translation in place."""

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts
