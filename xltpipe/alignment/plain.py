"""Plain text for programs that align: one sentence per line, words as keys without white space."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from xltpipe.protocols import Pair
from xltpipe.text import key
from xltpipe.types import Words

MAX_WORDS = 1000
"""Longer sentences are not aligned: eflomal holds 1,023 words, fast_align takes quadratic time."""

SEPARATOR = "|||"


def spelled(words: Words) -> list[str]:
    """Keys as an outside program reads them: never empty, no white space, no field separator, and
    no zero, which ends a word in C.
    """
    bare = ("".join(key(word).replace("\0", "").split()) for word in words.strings)
    return [word.replace(SEPARATOR, "|") or "_" for word in bare]


NOTES = "settings.json"
"""Lies beside a trained model and tells what became of the pairs that were given."""


def alignable(source: Words, target: Words) -> bool:
    """Neither side is empty or too long."""
    return 0 < len(source) <= MAX_WORDS and 0 < len(target) <= MAX_WORDS


class Usable:
    """The pairs that can be learnt from, counted along the stream with those that cannot."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        self._pairs = pairs
        self.notes = {"used": 0, "empty": 0, "too_long": 0}

    def __iter__(self) -> Iterator[Pair]:
        for source, target in self._pairs:
            if alignable(source, target):
                self.notes["used"] += 1
                yield source, target
            elif len(source) and len(target):
                self.notes["too_long"] += 1
            else:
                self.notes["empty"] += 1

    def write(self, home: Path) -> None:
        """Leave the counts in the folder of a model."""
        (home / NOTES).write_text(json.dumps({"notes": self.notes}), "utf-8")
