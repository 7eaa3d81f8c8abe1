"""Files of sentence pairs that prompts use: TSV, one pair a line."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError
from xltpipe.text import key, tokenise
from xltpipe.translation.markers import bare

Pair = tuple[str, str]


def digest(path: Path) -> str:
    """sha256 of the file.

    Raises:
        RecipeError: it cannot be read.
    """
    try:
        return digest_file(path)
    except OSError as error:
        raise RecipeError(
            f"File of sentence pairs must be readable, was: {path} ({error.strerror})"
        ) from error


def pairs(path: Path) -> tuple[Pair, ...]:
    """The first two columns of each line; empty lines are passed over.

    Raises:
        RecipeError: the file cannot be read, or a line has no second column.
    """
    return _pairs(path, digest(path))


@lru_cache(maxsize=8)
def _pairs(path: Path, _: str) -> tuple[Pair, ...]:
    out = []
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise RecipeError(f"File of sentence pairs must be UTF-8, was: {path} ({error})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.rstrip("\r").split("\t")]
        if len(columns) < 2 or not columns[0] or not columns[1]:
            raise RecipeError(
                f"Line must hold two texts with a tab between them, was: {line[:60]!r} "
                f"({path}, line {number})"
            )
        out.append((columns[0], columns[1]))
    if not out:
        raise RecipeError(f"File of sentence pairs must hold at least one, was: none in {path}")
    return tuple(out)


class Nearest:
    """The pairs whose source shares most of its words with a text (Dice), earliest first."""

    def __init__(self, known: Sequence[Pair]) -> None:
        self._words = [_words(source) for source, _ in known]
        self._holding: dict[str, list[int]] = {}
        for number, words in enumerate(self._words):
            for word in words:
                self._holding.setdefault(word, []).append(number)

    def order(self, text: str) -> list[int]:
        """Numbers of all pairs that share a word with the text, then none of the others."""
        words = _words(text)
        shared: dict[int, int] = {}
        for word in words:
            for number in self._holding.get(word, ()):
                shared[number] = shared.get(number, 0) + 1
        sizes = {n: len(words) + len(self._words[n]) for n in shared}
        return sorted(shared, key=lambda n: (-2 * shared[n] / sizes[n], n))


def drawn(known: Sequence[Pair], text: str, seed: int) -> list[int]:
    """Numbers of all pairs, in an order that follows from the text and the seed alone."""
    start = hashlib.sha256(f"{seed}\0{text}".encode()).digest()
    return sorted(
        range(len(known)),
        key=lambda n: hashlib.blake2b(n.to_bytes(8, "big"), key=start, digest_size=8).digest(),
    )


def same(source: str, text: str) -> bool:
    """Whether an example is the very text to be translated, marked or not."""
    return bare(source) == bare(text)


def _words(text: str) -> frozenset[str]:
    return frozenset(key(word) for word in tokenise(text).strings)
