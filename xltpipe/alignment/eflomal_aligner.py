"""eflomal at work: texts in chunks, priors carried from each to the next, links of both ways."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from xltpipe.alignment.eflomal_program import Text
from xltpipe.alignment.plain import alignable
from xltpipe.alignment.symmetrise import directed
from xltpipe.protocols import Pair
from xltpipe.types import Alignment

if TYPE_CHECKING:
    from xltpipe.alignment.eflomal import Eflomal


def learn(settings: Eflomal, pairs: Iterable[Pair], priors: Path) -> None:
    """Write the priors that the pairs teach, none of which may be empty or too long."""
    known: dict[str, float] = {}
    for chunk in _chunks(pairs, settings.chunk):
        with TemporaryDirectory(dir=settings.scratch) as scratch:
            text = _aligned(settings, chunk, priors if known else None, Path(scratch))
            for what, count in _counted(text.priors(settings.programs)).items():
                known[what] = known.get(what, 0.0) + count
        lines = (f"{what}\t{count:g}\n" for what, count in sorted(known.items()))
        with priors.open("w", encoding="utf-8") as file:
            file.writelines(lines)


def _chunks(pairs: Iterable[Pair], size: int) -> Iterator[list[Pair]]:
    stream = iter(pairs)
    while chunk := list(islice(stream, size)):
        yield chunk


def _counted(priors: Path) -> dict[str, float]:
    """What a file of priors counts (kind, words or jump, joined by tabs), and how often."""
    with priors.open(encoding="utf-8") as lines:
        parts = (line.rstrip("\n").rpartition("\t") for line in lines)
        return {what: float(count) for what, _, count in parts}


def _aligned(settings: Eflomal, pairs: Sequence[Pair], priors: Path | None, scratch: Path) -> Text:
    text = Text(scratch, pairs)
    options: list[object] = ["--null-prior", settings.null_prior]
    options += ["--n-samplers", settings.samplers]
    text.align(settings.programs, options + (["-p", priors] if priors is not None else []))
    return text


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
        for start in range(0, len(fits), self._settings.chunk):
            part = fits[start : start + self._settings.chunk]
            with TemporaryDirectory(dir=self._settings.scratch) as scratch:
                chunk = [pairs[place] for place in part]
                found = _aligned(self._settings, chunk, self._priors, Path(scratch)).links()
            for place, (forward, reverse) in zip(part, found, strict=True):
                out[place] = directed(self._settings.symmetrisation, forward, reverse)
        return out
