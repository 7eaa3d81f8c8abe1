"""eflomal: a Bayesian HMM with fertilities, by Gibbs sampling (Östling & Tiedemann, 2016).

A separate program, called as one (it is GPL); installing it takes a C compiler. It draws from the
system's random source and takes no seed: two runs differ a little.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.plain import Usable
from xltpipe.alignment.symmetrise import Combination
from xltpipe.errors import DataError
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Spec

PRIORS = "priors"


class Eflomal(Spec):
    """Settings. At most `chunk` pairs are given to the program at once, which bounds its memory;
    the next chunk starts from what all before it have taught. `scratch` is the directory for
    temporary files, which may be large; the system's own if None. `programs` is the folder of
    eflomal-align and eflomal-makepriors where that is not on the path.
    """

    kind: Literal["eflomal"] = "eflomal"
    symmetrisation: Combination = "forward"
    null_prior: float = Field(default=0.2, gt=0, lt=1)
    samplers: int = Field(default=3, ge=1)
    chunk: int = Field(default=100_000, ge=1)
    scratch: Annotated[Path | None, Incidental] = None
    programs: Annotated[Path | None, Incidental] = None

    trained: ClassVar[bool] = True

    def check(self) -> None:
        from xltpipe.alignment.eflomal_program import PROGRAMS, program

        for name in PROGRAMS:
            program(name, self.programs)

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Align the pairs with two usable sides and keep what was learnt as priors in `home`.

        Raises:
            DataError: no pair is usable.
            MissingExtraError: eflomal is not installed.
            TransientError: the program failed (such as for want of disk or memory).
        """
        from xltpipe.alignment.eflomal_aligner import learn

        self.check()
        home.mkdir(parents=True, exist_ok=True)
        usable = Usable(pairs)
        learn(self, usable, home.absolute() / PRIORS)
        if not usable.notes["used"]:
            raise DataError("eflomal must have a pair to learn from, was: none with two sides")
        usable.write(home)

    def build(
        self,
        home: Path | None,
        source: str,  # noqa: ARG002
        target: str,  # noqa: ARG002
        model: Path | None = None,  # noqa: ARG002
    ) -> Aligner:
        """The aligner with the priors in `home`; languages and `model` play no part.

        Raises:
            DataError: there are no priors in `home`.
        """
        from xltpipe.alignment.eflomal_aligner import EflomalAligner

        if home is None or not (home / PRIORS).is_file():
            raise DataError(f"eflomal must be trained before it is built, was: {home}")
        return EflomalAligner(self, home.absolute() / PRIORS)
