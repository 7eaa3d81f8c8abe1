"""Embedding: source and target must mean the same to a sentence encoder (cosine similarity).

Any encoder of the Hugging Face hub that was trained to put translations beside each other, such as
LaBSE (Feng et al., 2022); peers keep pairs from .5 on (LASER; Artetxe and Schwenk, 2019).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from xltpipe.errors import RecipeError, require
from xltpipe.quality.column import Column, Limits
from xltpipe.quality.text_pairs import ByPair
from xltpipe.spec import Incidental, Licensed
from xltpipe.translation.models import model_digest

if TYPE_CHECKING:
    from xltpipe.quality.scorer import Scorer

COLUMN = Column(
    "embedding",
    "meaning_differs",
    "cosine",
    "Cosine of the embeddings of source and target text; of several texts the lowest.",
    "LaBSE (Feng et al., 2022); limit of OpusFilter's and OpusCleaner's LASER filters",
    low=-1.0,
    high=1.0,
    usual=Limits(min=0.5),
)

COLUMNS = (COLUMN,)

Pooling = Literal["mean", "cls", "pooler"]
"""How a text's pieces become one vector: their mean, the first, or the model's own layer on the
first (LaBSE)."""


class Embedding(Licensed):
    """Settings. `model` is a folder or a hub name (then `revision` pins it).

    `prefix` is what the model wants before a text (`query: ` for E5). A text of more than
    `max_tokens` (unset: what the model takes) is compared by its beginning, and its row counted.
    """

    model: Annotated[str, Incidental] = "sentence-transformers/LaBSE"  # enters by fingerprint()
    revision: str = "main"
    pooling: Pooling = "pooler"
    prefix: str = ""
    max_tokens: int | None = Field(None, ge=8)
    device: Literal["auto", "cpu"] = "cpu"  # kernels differ in the last digits
    batch_size: Annotated[int, Incidental] = Field(default=32, ge=1)

    def check(self) -> None:
        require("torch", "train")
        require("transformers", "train")
        self.fingerprint()

    def fingerprint(self) -> dict[str, str]:
        """sha256 over names and contents of a model's folder, or the hub name.

        Raises:
            RecipeError: it looks like a path and there is no folder.
        """
        folder = Path(self.model).expanduser()
        if folder.is_dir():
            return {"model": model_digest(folder)}
        if folder.is_absolute() or self.model.startswith((".", "~")) or self.model.count("/") > 1:
            raise RecipeError(
                f"Model of embedding must be a folder or a hub name, was: {self.model!r}"
            )
        return {"model": self.model}

    def build(self, source: str, target: str) -> Scorer:  # noqa: ARG002
        """The scorer with its encoder, loaded once per process; languages play no part.

        Raises:
            RecipeError: the encoder cannot be had, lacks the layer, or takes fewer tokens.
            MissingExtraError: transformers is not installed.
        """
        from xltpipe.quality.embedding_encoder import Cosine, load

        encoder = load(self.model, self.revision, self.pooling, self.max_tokens, self.device)
        told = (
            f"embedding: texts longer than the {encoder.room} tokens of {self.model} were compared "
            "by their beginnings"
        )
        return ByPair(COLUMN, Cosine(encoder, self.prefix, self.batch_size), told)
