"""Estimation: a trained model says how good a translation is, without a reference (COMET; Rei et
al., 2020; CometKiwi; Rei et al., 2022).

The package unbabel-comet 2.2 needs numpy < 2 and transformers < 5 and so cannot be installed beside
xltpipe: it runs in an environment of its own, as a process that we talk to.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError
from xltpipe.quality.column import Column
from xltpipe.quality.text_pairs import ByPair
from xltpipe.spec import Incidental, Licensed

if TYPE_CHECKING:
    from xltpipe.quality.scorer import Scorer

COLUMN = Column(
    "estimation",
    "estimated_bad",
    "model score",
    "Quality of the translation as a COMET model estimates it, higher is better; of several texts "
    "the lowest. Its scale is the model's own: look at the histogram before you set a threshold.",
    "COMET (Rei et al., 2020), CometKiwi (Rei et al., 2022)",
    low=float("-inf"),
)

COLUMNS = (COLUMN,)

LICENCES = {
    "Unbabel/wmt20-comet-qe-da": "apache-2.0",
    "Unbabel/wmt22-cometkiwi-da": "cc-by-nc-sa-4.0",
    "Unbabel/wmt23-cometkiwi-da-xl": "cc-by-nc-sa-4.0",
    "Unbabel/wmt23-cometkiwi-da-xxl": "cc-by-nc-sa-4.0",
    "Unbabel/XCOMET-XL": "cc-by-nc-sa-4.0",
    "Unbabel/XCOMET-XXL": "cc-by-nc-sa-4.0",
}
"""Of COMET's own models without reference, from its LICENSE.models.md."""


class Estimation(Licensed):
    """Settings. `model` is a name on the hub, a checkpoint, or the folder that holds
    `checkpoints/model.ckpt` and `hparams.yaml`.

    A checkpoint is a pickle, which can run any code: use those you trust. `python` is the
    interpreter of the environment where unbabel-comet is installed; unset, our own. COMET cuts
    long texts; their rows have a score and are counted.
    """

    model: Annotated[str, Incidental] = "Unbabel/wmt20-comet-qe-da"  # enters by fingerprint()
    python: Annotated[str | None, Incidental] = None
    device: Literal["auto", "cpu"] = "cpu"  # kernels differ in the last digits
    batch_size: Annotated[int, Incidental] = Field(default=16, ge=1)

    @property
    def licence_known(self) -> str:
        """The model's licence: as the recipe says, or as we know it, or "not stated"."""
        return self.licence or LICENCES.get(self.model) or "not stated"

    def checkpoint(self) -> Path | None:
        """The checkpoint that `model` names; None for a hub name.

        Raises:
            RecipeError: it looks like a path and there is no checkpoint.
        """
        path = Path(self.model).expanduser()
        inside = path / "checkpoints" / "model.ckpt"
        found = inside if inside.is_file() else path
        if found.is_file():
            if not (found.parents[1] / "hparams.yaml").is_file():
                raise RecipeError(
                    f"Model of estimation must have a hparams.yaml in the folder above its "
                    f"checkpoint's, was: without, {found}"
                )
            return found.absolute()
        if path.is_absolute() or self.model.startswith((".", "~")) or self.model.count("/") != 1:
            raise RecipeError(
                "Model of estimation must be a checkpoint, the folder above checkpoints/model.ckpt "
                f"or a hub name such as Unbabel/wmt20-comet-qe-da, was: {self.model!r}"
            )
        return None

    def fingerprint(self) -> dict[str, str]:
        """sha256 over the checkpoint and its settings, or the hub name."""
        found = self.checkpoint()
        if found is None:
            return {"model": self.model}
        stat = found.stat()
        return {"model": _digest(found, stat.st_size, stat.st_mtime_ns)}

    def check(self) -> None:
        from xltpipe.quality.estimation_process import meet

        self.checkpoint()
        meet(self.python)

    def build(self, source: str, target: str) -> Scorer:  # noqa: ARG002
        """The scorer; its process starts at the first batch. Languages play no part.

        Raises:
            RecipeError: there is no such checkpoint or interpreter.
            MissingExtraError: unbabel-comet is not installed where `python` is.
        """
        from xltpipe.quality.estimation_process import Comet

        self.check()
        found = self.checkpoint()
        name = self.model if found is None else str(found)
        told = (
            f"estimation: texts longer than {self.model} takes were estimated by their beginnings"
        )
        return ByPair(COLUMN, Comet(self.python, name, self.device, self.batch_size), told)


@lru_cache(maxsize=8)
def _digest(checkpoint: Path, size: int, changed: int) -> str:  # noqa: ARG001
    """Remembered by size and time: a model of gigabytes is read once per process."""
    files = (checkpoint.parents[1] / "hparams.yaml", checkpoint)
    return hashlib.sha256(" ".join(map(digest_file, files)).encode()).hexdigest()
