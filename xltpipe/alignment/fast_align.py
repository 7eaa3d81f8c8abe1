"""fast_align: IBM Model 2 with a bias to the diagonal (Dyer, Chahuneau & Smith, 2013).

Trained by the package systran-align (wheels up to Python 3.11); HMM is the better aligner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.plain import SEPARATOR, Usable, alignable, spelled
from xltpipe.alignment.symmetrise import Symmetrisation, symmetrise
from xltpipe.errors import DataError, require
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Spec
from xltpipe.types import Alignment

if TYPE_CHECKING:
    from xltpipe.alignment.fast_align_model import Table

FILES = ("forward.probs", "backward.probs")


class FastAlign(Spec):
    """Settings; the diagonal is favoured and its tension learnt, as fast_align's own guide says.

    Span F1 on ABSA en-es train by symmetrisation: mean at .5 .915, geometric_mean at .3 .887,
    reverse .881, intersection .869, grow_diag_final_and (fast_align's usual) .813, forward .792.
    """

    kind: Literal["fast_align"] = "fast_align"
    symmetrisation: Symmetrisation = "mean"
    threshold: float = Field(default=0.5, ge=0, le=1)
    iterations: int = Field(default=5, ge=1)
    null_share: float = Field(default=0.08, gt=0, lt=1)

    trained: ClassVar[bool] = True

    def check(self) -> None:
        require("systran_align", "fast_align")

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Learn from the pairs with two usable sides and write both directions to `home`.

        Raises:
            DataError: no pair is usable.
            MissingExtraError: systran-align is not installed.
        """
        package = require("systran_align", "fast_align")
        home.mkdir(parents=True, exist_ok=True)
        text = home / "text"
        usable = Usable(pairs)
        with text.open("w", encoding="utf-8") as lines:
            for source, target in usable:
                sides = " ".join(spelled(source)), " ".join(spelled(target))
                lines.write(f" {SEPARATOR} ".join(sides) + "\n")
        if not usable.notes["used"]:
            raise DataError("fast_align must have a pair to learn from, was: none with two sides")
        package.generate_alignment_probabilities(
            str(text),
            *(str(home / name) for name in FILES),
            iterations=self.iterations,
            favor_diagonal=True,
            optimize_tension=True,
            variational_bayes=True,
            prob_align_null=self.null_share,
        )
        text.unlink()
        usable.write(home)

    def build(
        self,
        home: Path | None,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """The aligner that `train` left in `home`; languages and `model` play no part.

        Raises:
            DataError: there is no model in `home`.
        """
        from xltpipe.alignment.fast_align_model import Table

        paths = [home / name for name in FILES] if home is not None else []
        if not paths or not all(path.is_file() for path in paths):
            raise DataError(f"fast_align must be trained before it is built, was: {home}")
        return FastAligner(self, Table.read(paths[0]), Table.read(paths[1]))


class FastAligner:
    """Aligns with the package's model; `skipped` counts pairs that are too long."""

    def __init__(self, settings: FastAlign, forward: Table, backward: Table) -> None:
        self._settings, self._forward, self._backward = settings, forward, backward
        self.skipped = 0

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        out = [Alignment(())] * len(pairs)
        for place, (source, target) in enumerate(pairs):
            if alignable(source, target):
                out[place] = self._align(spelled(source), spelled(target))
            else:
                self.skipped += bool(len(source) and len(target))
        return out

    def _align(self, source: list[str], target: list[str]) -> Alignment:
        from xltpipe.alignment.fast_align_model import posteriors

        settings = self._settings
        forward = posteriors(self._forward, source, target, settings.null_share)
        reverse = posteriors(self._backward, target, source, settings.null_share).T
        return symmetrise(forward, reverse, settings.symmetrisation, settings.threshold)
