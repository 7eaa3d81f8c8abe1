"""Pieces: a target text as a model's tokens, and the words between which markers may go.

The text is cut once; a marker is put between two tokens and changes neither. Nothing is decoded
and compared: every character of the normalised text knows its word, and the tokeniser tells the
characters of every token.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xltpipe.alignment.subwords import normalise
from xltpipe.errors import require
from xltpipe.translation.description import Description
from xltpipe.types import Bounds, Words


@dataclass(frozen=True, slots=True)
class Cut:
    """Tokens of a text; a word may begin before `starts[word]` and end before `ends[word]`.

    A word whose edge lies within a token has no place there.
    """

    tokens: list[str]
    starts: dict[int, int]
    ends: dict[int, int]


class Cutter:
    """Cuts with the tokeniser of a model's target side."""

    def __init__(self, model: Path, description: Description) -> None:
        said = description.tokenizer
        file = str(model / (said.target or said.source))
        self._steps = frozenset(description.preprocessing)
        self._pieces = self._tokens = None
        self._marks: dict[tuple[str, str], tuple[str, str] | None] = {}
        if said.kind == "hf":
            self._tokens = require("tokenizers", "train").Tokenizer.from_file(file)
        else:
            self._pieces = require("sentencepiece", "ctranslate2").SentencePieceProcessor(
                model_file=file
            )

    def cut(self, words: Words) -> Cut:
        """The tokens of a text, and the places of its words between them."""
        text, owners = normalise(words, self._steps)
        tokens, bounds = self._encode(text)
        stretches = [_visible(text, *bound) for bound in bounds]
        first: dict[int, int] = {}
        last: dict[int, int] = {}
        for place, owner in enumerate(owners):
            if owner >= 0:
                first.setdefault(owner, place)
                last[owner] = place + 1
        return Cut(tokens, _starts(stretches, first), _ends(stretches, last))

    def mark(self, opening: str, closing: str) -> tuple[str, str] | None:
        """The one token that each of two markers is between words; None if it is not one."""
        if (opening, closing) not in self._marks:
            self._marks[opening, closing] = self._mark(opening, closing)
        return self._marks[opening, closing]

    def _mark(self, opening: str, closing: str) -> tuple[str, str] | None:
        text = f"a {opening} b {closing} c"
        tokens, bounds = self._encode(text)
        found = []
        for marker in (opening, closing):
            at = text.index(marker)
            inside = [
                token
                for token, bound in zip(tokens, bounds, strict=True)
                if (seen := _visible(text, *bound)) and seen[0] < at + len(marker) and seen[1] > at
            ]
            if len(inside) != 1 or inside[0].lstrip("▁ ") != marker:
                return None
            found.append(inside[0])
        return found[0], found[1]

    def _encode(self, text: str) -> tuple[list[str], list[Bounds]]:
        if self._tokens is not None:
            encoding = self._tokens.encode(text, add_special_tokens=False)
            return list(encoding.tokens), list(encoding.offsets)
        if self._pieces is None:
            return [], []
        encoded = self._pieces.encode(text, return_type="offset_mapping")
        return list(encoded["pieces"]), list(encoded["offsets"])


def _visible(text: str, start: int, end: int) -> Bounds | None:
    """The characters of a token without the white space at its edges; None if it is all space.

    One of several tokens made of one character has no width of its own: it gets that character.
    """
    end = min(max(end, start + 1), len(text))
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _starts(stretches: list[Bounds | None], first: dict[int, int]) -> dict[int, int]:
    """Before which token a word begins; a token of white space before it belongs to the word."""
    places: dict[int, int] = {}
    for place in reversed(range(len(stretches))):
        seen = stretches[place]
        if seen is not None:
            places[seen[0]] = place  # of several tokens of one character the first
    out = {}
    for word, start in first.items():
        found = places.get(start)
        if found is None or _covers(stretches[:found], start):
            continue
        while found > 0 and stretches[found - 1] is None:
            found -= 1
        out[word] = found
    return out


def _ends(stretches: list[Bounds | None], last: dict[int, int]) -> dict[int, int]:
    places = {seen[1]: place + 1 for place, seen in enumerate(stretches) if seen is not None}
    return {word: places[end] for word, end in last.items() if end in places}


def _covers(stretches: list[Bounds | None], character: int) -> bool:
    return any(seen is not None and seen[0] <= character < seen[1] for seen in stretches[-1:])
