"""eflomal: a Bayesian HMM with fertilities, by Gibbs sampling (Östling & Tiedemann, 2016).

A separate program, called as one (it is GPL); installing it takes a C compiler. It draws from a
random source of its own: two runs differ a little.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from xltpipe.alignment.plain import alignable, spelled
from xltpipe.alignment.symmetrise import Combination, Link, combine
from xltpipe.errors import DataError, MissingExtraError, TransientError
from xltpipe.protocols import Aligner, Pair
from xltpipe.spec import Incidental, Spec
from xltpipe.types import Alignment

PRIORS = "priors"


class Eflomal(Spec):
    """Settings. `scratch` is the directory for temporary files, which may be large; the system's
    own if None. `programs` is the folder of eflomal-align where that is not on the path.
    """

    kind: Literal["eflomal"] = "eflomal"
    symmetrisation: Combination = "forward"
    null_prior: float = Field(default=0.2, gt=0, lt=1)
    samplers: int = Field(default=3, ge=1)
    scratch: Annotated[Path | None, Incidental] = None
    programs: Annotated[Path | None, Incidental] = None

    trained: ClassVar[bool] = True

    def check(self) -> None:
        program("eflomal-align", self.programs)

    def train(self, pairs: Iterable[Pair], home: Path) -> None:
        """Align the pairs with two usable sides and keep what was learnt as priors in `home`.

        Raises:
            DataError: no pair is usable.
            MissingExtraError: eflomal is not installed.
            TransientError: the program failed (such as for want of disk or memory).
        """
        home.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self.scratch) as scratch:
            run = _Run(self, Path(scratch))
            if not run.write(pair for pair in pairs if alignable(*pair)):
                raise DataError("eflomal must have a pair to learn from, was: none with two sides")
            run.align(None)
            run.call("eflomal-makepriors", "-p", home.absolute() / PRIORS)

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
        if home is None or not (home / PRIORS).is_file():
            raise DataError(f"eflomal must be trained before it is built, was: {home}")
        return EflomalAligner(self, home.absolute() / PRIORS)


class EflomalAligner:
    """Runs the program with stored priors; `skipped` counts pairs that are too long."""

    def __init__(self, settings: Eflomal, priors: Path) -> None:
        self._settings, self._priors = settings, priors
        self.skipped = 0

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side.

        Raises:
            MissingExtraError: eflomal is not installed.
            TransientError: the program failed.
        """
        out = [Alignment(())] * len(pairs)
        fits = [place for place, pair in enumerate(pairs) if alignable(*pair)]
        self.skipped += sum(all(map(len, pair)) for pair in pairs) - len(fits)
        if not fits:
            return out
        with TemporaryDirectory(dir=self._settings.scratch) as scratch:
            run = _Run(self._settings, Path(scratch))
            run.write(pairs[place] for place in fits)
            run.align(self._priors)
            found = run.links()
        for place, (forward, reverse) in zip(fits, found, strict=True):
            links = combine(self._settings.symmetrisation, forward, reverse)
            out[place] = Alignment(tuple(sorted(links)))
        return out


class _Run:
    """One text in a directory of its own, and the programs that work on it."""

    def __init__(self, settings: Eflomal, scratch: Path) -> None:
        self._settings, self._scratch = settings, scratch
        self._files = ["-s", "source", "-t", "target", "-f", "forward", "-r", "reverse"]

    def write(self, pairs: Iterable[Pair]) -> int:
        """Write both sides, one sentence per line, and count the pairs."""
        written = 0
        sides = (self._scratch / "source", self._scratch / "target")
        with (
            sides[0].open("w", encoding="utf-8") as one,
            sides[1].open("w", encoding="utf-8") as two,
        ):
            for source, target in pairs:
                one.write(" ".join(spelled(source)) + "\n")
                two.write(" ".join(spelled(target)) + "\n")
                written += 1
        return written

    def align(self, priors: Path | None) -> None:
        settings = self._settings
        options = ["--null-prior", settings.null_prior, "--n-samplers", settings.samplers]
        if priors is not None:
            options += ["-p", priors]
        self.call("eflomal-align", *options)

    def call(self, name: str, *options: object) -> None:
        """Run one of eflomal's programs on the text; its own temporary files come here, too."""
        found = program(name, self._settings.programs)
        done = subprocess.run(  # noqa: S603 - a list, no shell, and the program is eflomal's
            [found, *self._files, *map(str, options)],
            cwd=self._scratch,
            env={**os.environ, "TMPDIR": str(self._scratch.absolute())},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise TransientError(f"{program} must succeed, was: {done.stderr.strip()[-500:]}")

    def links(self) -> list[tuple[set[Link], set[Link]]]:
        """Forward and reverse links, one of each per pair written."""
        texts = [(self._scratch / name).read_text("utf-8") for name in ("forward", "reverse")]
        forward, reverse = ([_links(line) for line in text.splitlines()] for text in texts)
        return list(zip(forward, reverse, strict=True))


def _links(line: str) -> set[Link]:
    pairs = (link.split("-") for link in line.split())
    return {(int(source), int(target)) for source, target in pairs}


def program(name: str, folder: Path | None) -> str:
    """The path of one of eflomal's programs: in `folder`, on the path, or beside our Python.

    Raises:
        MissingExtraError: it is in none of them.
    """
    places = [str(folder or ""), os.environ.get("PATH", ""), str(Path(sys.executable).parent)]
    found = shutil.which(name, path=os.pathsep.join(filter(None, places)))
    if found is None:
        raise MissingExtraError(
            f'Program "{name}" must be installed for this: pip install "xltpipe[eflomal]" '
            "(needs a C compiler)"
        )
    return found
