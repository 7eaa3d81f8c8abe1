"""Attention: links from a translation model's cross-attention, read by forced decoding.

The model is given the target as prefix and may add nothing; its attention tells which source
pieces each target piece looked at (Garg et al., 2019, train a head for that, as ours was).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.symmetrise import Symmetrisation
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Spec


class Attention(Spec):
    """Settings. Both directions are used where the model has both, else its one direction twice.

    `source_token` and `target_token` are the model's target tokens for the two languages, where
    they are not those of its family (`<2en>`, `eng_Latn`). A pair with a side of more than
    `longest` pieces, or more than the model has room for, is read in windows: our models learnt
    from short sentences, and of four in a row find .38 of the links that they find one by one, with
    windows of 48 pieces .83.
    """

    kind: Literal["attention"] = "attention"
    symmetrisation: Symmetrisation = "geometric_mean"
    threshold: float = Field(default=0.3, ge=0, le=1)
    longest: int = Field(default=48, ge=1)
    source_token: str | None = None
    target_token: str | None = None
    threads: Annotated[int, Incidental] = Field(default=1, ge=0)
    batch_size: Annotated[int, Incidental] = Field(default=64, ge=1)

    trained: ClassVar[bool] = False

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Nothing to learn: the model brings all it knows."""

    def build(
        self,
        home: Path | None,  # noqa: ARG002
        source: str,
        target: str,
        model: Path | None = None,
    ) -> Aligner:
        """The aligner of a CTranslate2 model's directory, between two languages (ISO 639-3).

        Raises:
            RecipeError: no model is given, or it does not translate between the languages.
            MissingExtraError: ctranslate2 or sentencepiece is not installed.
        """
        from xltpipe.alignment.attention_aligner import AttentionAligner
        from xltpipe.alignment.attention_model import open_model

        if model is None:
            raise RecipeError(
                "Attention aligner must have a CTranslate2 model, was: none; choose another "
                'aligner (such as kind = "hmm") or a translation engine with a local model'
            )
        directions = open_model(
            model,
            (resolve(source), self.source_token),
            (resolve(target), self.target_token),
            threads=self.threads,
            longest=self.longest,
        )
        return AttentionAligner(
            directions,
            symmetrisation=self.symmetrisation,
            threshold=self.threshold,
            batch_size=self.batch_size,
        )
