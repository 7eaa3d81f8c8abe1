"""Auto: the aligner that suits the size of a run, by what was measured (docs/findings.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.attention import Attention
from xltpipe.alignment.hmm import HMM
from xltpipe.errors import RecipeError
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Spec


class Auto(Spec):
    """Settings. `prior` is a stored HMM of the two languages, `small` the number of sentence pairs
    from which on an HMM learns enough from the run's own text.
    """

    kind: Literal["auto"] = "auto"
    prior: Annotated[Path | None, Incidental] = None  # enters by content: fingerprint()
    small: int = Field(default=50, ge=0)

    trained: ClassVar[bool] = True

    def fingerprint(self) -> dict[str, str]:
        """That of the HMM which the prior would go into."""
        return HMM(prior=self.prior).fingerprint()

    def resolve(self, pairs: int, model_available: bool) -> tuple[HMM | Attention, str]:
        """The aligner for a run of this many sentence pairs, and why."""
        if self.prior is not None:
            return HMM(prior=self.prior), f"hmm with a stored prior: the best at {pairs} pairs"
        if pairs < self.small and model_available:
            return Attention(), f"attention: {pairs} pairs are too few to train on"
        return HMM(), f"hmm: {pairs} pairs are enough to train on"

    def train(self, pairs: Iterable[Pair], home: Path) -> None:  # noqa: ARG002
        """Not to be called: `resolve` says what to train.

        Raises:
            RecipeError: always.
        """
        raise RecipeError("Aligner auto must be resolved before it is trained, was: not resolved")

    def build(
        self,
        home: Path | None,
        source: str,
        target: str,
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """Not to be called: `resolve` says what to build.

        Raises:
            RecipeError: always.
        """
        raise RecipeError("Aligner auto must be resolved before it is built, was: not resolved")
