"""Pairs: sentence pairs of a file, normalised, and what was left out of them and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from xltpipe import unpacking
from xltpipe.errors import DataError, RecipeError
from xltpipe.mt.recipe import Training
from xltpipe.mt.settings import Pairs
from xltpipe.text import SIGNS
from xltpipe.translation.normalisation import Normaliser

_TAB = "\t"

MAX_CHARACTERS = 1000
MAX_RATIO, RATIO_FROM = 2.5, 25
"""Characters of one side per character of the other, where the longer has at least so many."""

_SHORTEST_HELD = 9
"""Characters of a held-out sentence's key at least: "yes" may be learnt from."""


def key(text: str) -> str:
    """What two texts must share to count as the same: letters and digits, lower case."""
    return str(SIGNS.sub(" ", text.lower())).strip()


def held_out(recipe: Training) -> frozenset[str]:
    """Keys of all sentences that must not be learnt from: the files named, and `dev`."""
    found: set[str] = set()
    for path in (*recipe.held_out, *(file.path for file in recipe.dev)):
        for fields in rows(recipe.root / path):
            found.update(map(key, fields))
    return frozenset(one for one in found if len(one) >= _SHORTEST_HELD)


def read_pairs(
    file: Pairs, root: Path, normaliser: Normaliser, held_out: frozenset[str], tally: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The usable pairs of a file, streaming; each line is counted in `tally` once.

    `held_out` are keys of sentences that must not be learnt from, on either side.

    Raises:
        DataError: a line lacks a column, or the file is not UTF-8 or not whole.
        RecipeError: the file is missing.
    """
    for left, right in lines(file, root):
        pair = normaliser.before(left), normaliser.before(right)
        reason = _fault(*pair) or _held(pair, held_out)
        tally[reason or "used"] += 1
        if reason is None:
            yield pair


def _fault(left: str, right: str) -> str | None:
    if not left or not right:
        return "empty"
    short, long = sorted((len(left), len(right)))
    if long > MAX_CHARACTERS:
        return "too_long"
    if long >= RATIO_FROM and long > MAX_RATIO * short:
        return "length_ratio"
    if long >= RATIO_FROM and left.lower() == right.lower():
        return "identical"
    return None


def _held(pair: tuple[str, str], held_out: frozenset[str]) -> str | None:
    return "held_out" if held_out and not held_out.isdisjoint(map(key, pair)) else None


def lines(file: Pairs, root: Path) -> Iterator[tuple[str, str]]:
    """The two texts of each line, as they are written; the same faults as `read_pairs`."""
    path = root / file.path
    one, other = file.columns
    for number, fields in enumerate(rows(path), 1):
        if number <= file.skip_lines:
            continue
        if len(fields) <= max(one, other):
            raise DataError(
                f"Line must have columns {one} and {other}, TAB between them, was: "
                f"{_TAB.join(fields)[:60]!r} ({path}, line {number})"
            )
        yield fields[one], fields[other]


def rows(path: Path) -> Iterator[list[str]]:
    """TAB-separated fields of each line of a file, plain or .gz; the faults of `read_pairs`."""
    number = 0
    try:
        for number, line in enumerate(unpacking.lines(path), 1):  # noqa: B007 - told in errors
            yield line.decode().rstrip("\r\n").split(_TAB)
    except UnicodeDecodeError as error:
        raise DataError(
            f"File of sentences must be UTF-8 text, plain or gzip, was: {error} "
            f"({path}, near line {number + 1})"
        ) from error
    except OSError as error:
        raise RecipeError(f"File of sentences must be readable, was: {error}") from error
