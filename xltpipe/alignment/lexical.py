"""Lexical: links of words that are alike in writing; nothing is learnt, little is found wrong.

Names, numbers, cognates and punctuation. Precise and far from complete: a member of an ensemble,
or a last resort where there is no text to learn from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.romanisation import Romanisation, romaniser
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Spec


class Lexical(Spec):
    """Settings. Words of eight letters are linked from a likeness of `threshold` on, each letter
    less asks .05 more; words of different scripts from `foreign_threshold` on and only if they
    may be names. Below `least_letters` letters only equal words with capitals are linked.
    Measured on the links of XL-WA dev and train, words so linked are right in more than 96 %.
    """

    kind: Literal["lexical"] = "lexical"
    threshold: float = Field(default=0.5, ge=0, le=1)
    foreign_threshold: float = Field(default=0.7, ge=0, le=1)
    least_letters: int = Field(default=4, ge=1)
    romanisation: Romanisation = "table"

    trained: ClassVar[bool] = False

    def check(self) -> None:
        romaniser(self.romanisation)

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Nothing to learn."""

    def build(
        self,
        home: Path | None = None,  # noqa: ARG002
        source: str = "",  # noqa: ARG002
        target: str = "",  # noqa: ARG002
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """The aligner; artefact, languages and `model` play no part.

        Raises:
            MissingExtraError: anyascii is chosen and not installed.
        """
        from xltpipe.alignment.lexical_aligner import LexicalAligner

        return LexicalAligner(
            romaniser(self.romanisation),
            threshold=self.threshold,
            foreign_threshold=self.foreign_threshold,
            least_letters=self.least_letters,
        )
