"""fast_align: IBM Model 2 with a bias to the diagonal (Dyer, Chahuneau & Smith, 2013).

Runs in the package systran-align (wheels up to Python 3.11), which gives the links of both
directions already combined: there is no choice of symmetrisation, and HMM is the better aligner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Protocol, cast

from pydantic import Field

from xltpipe.alignment.plain import SEPARATOR, alignable, spelled
from xltpipe.errors import DataError, require
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Spec
from xltpipe.types import Alignment

FILES = ("forward.probs", "backward.probs")


class FastAlign(Spec):
    """Settings; the diagonal is favoured and its tension learnt, as fast_align's own guide says."""

    kind: Literal["fast_align"] = "fast_align"
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
        with text.open("w", encoding="utf-8") as lines:
            written = 0
            for source, target in pairs:
                if alignable(source, target):
                    sides = " ".join(spelled(source)), " ".join(spelled(target))
                    lines.write(f" {SEPARATOR} ".join(sides) + "\n")
                    written += 1
        if not written:
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
            MissingExtraError: systran-align is not installed.
        """
        package = require("systran_align", "fast_align")
        paths = [home / name for name in FILES] if home is not None else []
        if not paths or not all(path.is_file() for path in paths):
            raise DataError(f"fast_align must be trained before it is built, was: {home}")
        return FastAligner(cast("_Engine", package.Aligner(*map(str, paths))))


class _Engine(Protocol):
    def align_batch(
        self, source: list[list[str]], target: list[list[str]]
    ) -> list[dict[str, list[tuple[int, int]]]]: ...


class FastAligner:
    """Aligns with the package's model; `skipped` counts pairs that are too long."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        self.skipped = 0

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        out = [Alignment(())] * len(pairs)
        fits = [place for place, pair in enumerate(pairs) if alignable(*pair)]
        self.skipped += sum(1 for pair in pairs if all(map(len, pair))) - len(fits)
        if not fits:
            return out
        found = self._engine.align_batch(
            [spelled(pairs[place][0]) for place in fits],
            [spelled(pairs[place][1]) for place in fits],
        )
        for place, result in zip(fits, found, strict=True):
            out[place] = Alignment(tuple(sorted(set(result["alignments"]))))
        return out
