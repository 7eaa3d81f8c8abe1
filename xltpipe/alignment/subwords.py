"""Subwords of words: text as a small model reads it, with the word that each character is from.

Nothing is decoded and compared: every character of the normalised text knows its word, and
SentencePiece tells the characters of every piece.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xltpipe.alignment.trellis import Floats
from xltpipe.errors import require
from xltpipe.types import Words

BETWEEN = -1
"""Owner of characters that belong to no word."""

_PLAIN = str.maketrans(dict.fromkeys("‘’", "'") | dict.fromkeys("“”«»", '"') | {"–": "-", "—": "-"})


@dataclass(frozen=True, slots=True)
class Pieces:
    """Subwords of a text: `shares[piece, word]` is the part of a piece's characters in a word."""

    pieces: list[str]
    shares: Floats


class Cutter:
    """Cuts words into the pieces of a SentencePiece model (Kudo & Richardson, 2018)."""

    def __init__(self, path: Path, steps: Collection[str]) -> None:
        self._steps = frozenset(steps)
        package = require("sentencepiece", "ctranslate2")
        self._processor = package.SentencePieceProcessor(model_file=str(path))

    def cut(self, words: Words) -> Pieces:
        text, owners = normalise(words, self._steps)
        encoded = self._processor.encode(text, return_type="offset_mapping")
        pieces: list[str] = encoded["pieces"]
        shares = np.zeros((len(pieces), len(words)), np.float32)
        for row, (start, end) in enumerate(encoded["offsets"]):
            # a piece that is one of several made of one character has no length of its own
            inside = [owner for owner in owners[start : max(end, start + 1)] if owner != BETWEEN]
            for owner in inside:
                shares[row, owner] += 1 / len(inside)
        return Pieces(pieces, shares)


def normalise(words: Words, steps: Collection[str]) -> tuple[str, list[int]]:
    """The text as its model was trained on it, and each character's word (or BETWEEN).

    Args:
        words: any text cut into words; runs of white space become one space.
        steps: what else to do: `nfkc` (word by word), `plain_punctuation` (typographic quotes
            and dashes to ASCII), `spaced_inversion` (a space after `¿` and `¡`).
    """
    inverted = "¿¡" if "spaced_inversion" in steps else ""
    characters: list[str] = []
    owners: list[int] = []
    for stretch, owner in _stretches(words):
        plain = unicodedata.normalize("NFKC", stretch) if "nfkc" in steps else stretch
        for character in plain.translate(_PLAIN) if "plain_punctuation" in steps else plain:
            before = characters[-1] if characters else " "
            if (character.isspace() or before in inverted) and before != " ":
                characters.append(" ")
                owners.append(BETWEEN)
            if not character.isspace():
                characters.append(character)
                owners.append(owner)
    return "".join(characters), owners


def _stretches(words: Words) -> Iterator[tuple[str, int]]:
    """The text in order: what lies between words, and each word with its number."""
    last = 0
    for word, (start, end) in enumerate(words.bounds):
        yield words.text[last:start], BETWEEN
        yield words.text[start:end], word
        last = end
    yield words.text[last:], BETWEEN
