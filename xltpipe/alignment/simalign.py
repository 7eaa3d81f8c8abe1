"""SimAlign: links of words whose contextual embeddings are alike (Jalili Sabet et al., 2020).

Any encoder of the Hugging Face hub will do, and nothing is trained. Matching is that of the
package simalign; it embeds one sentence at a time and cuts or fails at 512 pieces, so embedding,
windows and the way from pieces to words are ours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError, require
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Licensed

Matching = Literal["inter", "itermax", "forward", "reverse", "match"]
"""`forward`: each target piece takes its best source piece; `reverse`: each source piece its best
target piece; `inter`: what both agree on; `itermax`: `inter` repeated over what is left free;
`match`: one to one, with the greatest sum."""

_NEEDED = (".json", ".safetensors", ".model", ".txt")  # weights, config and tokenizer files


class SimAlign(Licensed):
    """Settings. `model` is a folder or a hub name (then `revision` pins it), `layer` counts hidden
    layers from 1 (0: embeddings), `level` says what is matched: subwords, or words by their mean
    embedding. `iterations` belongs to `itermax`; `distortion` (0..1) lowers the similarity of
    words far from the diagonal.
    """

    kind: Literal["simalign"] = "simalign"
    model: Annotated[str, Incidental] = "bert-base-multilingual-cased"  # enters by fingerprint()
    revision: str = "main"
    layer: int = Field(default=8, ge=0)
    matching: Matching = "itermax"
    level: Literal["subword", "word"] = "subword"
    iterations: int = Field(default=2, ge=1)
    distortion: float = Field(default=0.0, ge=0, le=1)
    device: Literal["auto", "cpu"] = "cpu"
    batch_size: Annotated[int, Incidental] = Field(default=32, ge=1)

    trained: ClassVar[bool] = False

    def fingerprint(self) -> dict[str, str]:
        """sha256 over names and contents of a model's folder, or the hub name."""
        folder = self.folder()
        if folder is None:
            return {"model": self.model}
        files = sorted(p for p in folder.iterdir() if p.suffix in _NEEDED and p.is_file())
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.name} {digest_file(file)}\n".encode())
        return {"model": digest.hexdigest()}

    def folder(self) -> Path | None:
        """The folder that `model` names; None for a hub name.

        Raises:
            RecipeError: it looks like a path and there is no folder.
        """
        path = Path(self.model).expanduser()
        if path.is_dir():
            return path
        if path.is_absolute() or self.model.startswith((".", "~")) or self.model.count("/") > 1:
            raise RecipeError(
                f"Model of simalign must be a folder or a hub name, was: {self.model!r}"
            )
        return None

    def check(self) -> None:
        require("simalign", "simalign")
        require("transformers", "train")
        self.folder()

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Nothing to learn: the model brings all it knows."""

    def build(
        self,
        home: Path | None = None,  # noqa: ARG002
        source: str = "",  # noqa: ARG002
        target: str = "",  # noqa: ARG002
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """The aligner with its encoder; artefact, languages and `model` play no part.

        Raises:
            RecipeError: the encoder cannot be had, or lacks the layer.
            MissingExtraError: simalign or transformers is not installed.
        """
        from xltpipe.alignment.simalign_aligner import SimAligner
        from xltpipe.alignment.simalign_model import load

        self.check()
        name = str(self.folder() or self.model)
        encoder = load(name, self.revision, self.layer, self.device, self.batch_size)
        return SimAligner(
            encoder,
            matching=self.matching,
            by_word=self.level == "word",
            iterations=self.iterations,
            distortion=self.distortion,
        )
