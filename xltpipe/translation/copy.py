"""Copy: give every text back untranslated, the control arm of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xltpipe import progress
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Spec
from xltpipe.types import Translation


class Copy(Spec):
    """No translation at all: what is left of a result with it was not the engine's doing."""

    kind: Literal["copy"] = "copy"

    def build(self, source: str, target: str) -> Translator:
        """A translator that copies; both codes must be known languages."""
        resolve(source), resolve(target)
        return CopyTranslator()

    def native_markers(self) -> bool:
        """No markers of its own; any survive."""
        return False

    def native_tags(self) -> bool:
        """Whatever is around a word stays around it."""
        return True

    def aligning_model(self) -> None:
        """There is no model whose attention could be read."""


class CopyTranslator:
    """Gives each text back as it is."""

    def translate(
        self,
        texts: Sequence[str],
        source: str,  # noqa: ARG002 - the contract's
        target: str,  # noqa: ARG002
    ) -> list[Translation]:
        """One copy per text, same order; no tokens are counted, for none were made."""
        progress.tick("translate", len(texts))
        return [Translation(text) for text in texts]

    def round_trip(self, text: str, source: str, target: str) -> str:  # noqa: ARG002
        """The text itself: nothing is cut into pieces."""
        return text
