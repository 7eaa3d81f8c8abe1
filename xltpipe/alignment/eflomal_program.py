"""eflomal's programs and the files they read and write, in a directory for one text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from xltpipe.alignment.plain import spelled
from xltpipe.alignment.symmetrise import Link
from xltpipe.errors import MissingExtraError, TransientError
from xltpipe.protocols import Pair

PROGRAMS = ("eflomal-align", "eflomal-makepriors")

_FILES = ("-s", "source", "-t", "target", "-f", "forward", "-r", "reverse")


class Text:
    """Sentence pairs written to a directory of their own, and the programs that work on them."""

    def __init__(self, scratch: Path, pairs: Iterable[Pair]) -> None:
        self._scratch = scratch
        sides = (scratch / "source", scratch / "target")
        with (
            sides[0].open("w", encoding="utf-8") as one,
            sides[1].open("w", encoding="utf-8") as two,
        ):
            for source, target in pairs:
                one.write(" ".join(spelled(source)) + "\n")
                two.write(" ".join(spelled(target)) + "\n")

    def align(self, folder: Path | None, options: Sequence[object]) -> None:
        """Find the links of both directions."""
        self._call(PROGRAMS[0], folder, options)

    def priors(self, folder: Path | None) -> Path:
        """Count the links into a file of priors."""
        self._call(PROGRAMS[1], folder, ["-p", "priors"])
        return self._scratch / "priors"

    def links(self) -> list[tuple[set[Link], set[Link]]]:
        """Forward and reverse links, one of each per pair written."""
        texts = [(self._scratch / name).read_text("utf-8") for name in ("forward", "reverse")]
        forward, reverse = ([_links(line) for line in text.splitlines()] for text in texts)
        return list(zip(forward, reverse, strict=True))

    def _call(self, name: str, folder: Path | None, options: Sequence[object]) -> None:
        """Run one of the programs; its own temporary files come here, too."""
        found = program(name, folder)
        done = subprocess.run(  # noqa: S603 - a list, no shell, and the program is eflomal's
            [found, *_FILES, *map(str, options)],
            cwd=self._scratch,
            env={**os.environ, "TMPDIR": str(self._scratch.absolute())},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise TransientError(f"{name} must succeed, was: {done.stderr.strip()[-500:]}")


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
