"""Plain text for programs that align: one sentence per line, words as keys without white space."""

from __future__ import annotations

from xltpipe.text import key
from xltpipe.types import Words

MAX_WORDS = 1000
"""Longer sentences are not aligned: eflomal holds 1,023 words, fast_align takes quadratic time."""

SEPARATOR = "|||"


def spelled(words: Words) -> list[str]:
    """Keys as an outside program reads them: never empty, no white space, no field separator."""
    return ["".join(key(word).split()).replace(SEPARATOR, "|") or "_" for word in words.strings]


def alignable(source: Words, target: Words) -> bool:
    """Neither side is empty or too long."""
    return 0 < len(source) <= MAX_WORDS and 0 < len(target) <= MAX_WORDS
