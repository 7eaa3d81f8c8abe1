"""Finding what a model said in the text it should have copied it from."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import regex

from xltpipe.text import is_punctuation
from xltpipe.types import Bounds

How = Literal["exact", "folded", "widened"]

# Signs that models write for others; each is one character, so that places stay the same.
_PLAIN = str.maketrans("‘’‚‛ʼ“”„«»‐‑‒–—―", "'''''" + '"""""' + "------")


@dataclass(frozen=True, slots=True)
class Found:
    """All places of an answer; `how` says what had to be overlooked to find it.

    exact: nothing. folded: case, width, composition, quotes and dashes, kind of white space.
    widened: it stands within longer words only, and these were taken whole.
    """

    places: tuple[Bounds, ...]
    how: How


def find(answer: str, text: str, cells: Sequence[Bounds]) -> Found | None:
    """Where an answer stands in a text, on word bounds; None if it does not.

    Tried are the whole answer, its first line, and these without the quotes and punctuation
    around them; each exactly first, then folded, and inside words at last.
    """
    firsts, lasts = {a for a, _ in cells}, {b for _, b in cells}
    folded, origin = _fold(text)
    inside: tuple[Bounds, ...] = ()
    for said in _readings(answer):
        exact = list(_places(said, text))
        same = [
            (origin[a][0], origin[b - 1][1]) for a, b in _places(_fold(said)[0].strip(), folded)
        ]
        tries: list[tuple[How, list[Bounds]]] = [("exact", exact), ("folded", same)]
        for how, places in tries:
            whole = tuple(p for p in places if p[0] in firsts and p[1] in lasts)
            if whole:
                return Found(whole, how)
        inside = inside or tuple(dict.fromkeys(_widened(place, cells) for place in same))
    return Found(inside, "widened") if inside else None


def _readings(answer: str) -> list[str]:
    """What may have been meant, likeliest first, without empty ones."""
    whole = answer.strip()
    line = next((line.strip() for line in whole.splitlines() if line.strip()), "")
    bare = [_bare(one) for one in (whole, line)]
    return [one for one in dict.fromkeys([whole, line, *bare]) if one]


def _bare(text: str) -> str:
    """Without the quotes, punctuation and white space around it."""
    start, end = 0, len(text)
    while start < end and (text[start].isspace() or is_punctuation(text[start])):
        start += 1
    while end > start and (text[end - 1].isspace() or is_punctuation(text[end - 1])):
        end -= 1
    return text[start:end]


def _places(part: str, text: str) -> Iterator[Bounds]:
    at = text.find(part) if part else -1
    while at >= 0:
        yield at, at + len(part)
        at = text.find(part, at + 1)


def _fold(text: str) -> tuple[str, list[Bounds]]:
    """The text made comparable, and for each of its characters where it comes from."""
    out: list[str] = []
    origin: list[Bounds] = []
    for match in regex.finditer(r"\s+|\X", text):
        if match[0].isspace():
            folded = " "
        else:
            # composed, folded and composed again: folding may take apart (ΐ), NFKC may raise (℡)
            folded = unicodedata.normalize("NFKC", match[0].translate(_PLAIN)).casefold()
            folded = unicodedata.normalize("NFKC", folded)
        out.append(folded)
        origin += [match.span()] * len(folded)
    return "".join(out), origin


def _widened(place: Bounds, cells: Sequence[Bounds]) -> Bounds:
    """The words that a place touches, whole."""
    touched = [(a, b) for a, b in cells if a < place[1] and place[0] < b]
    return (touched[0][0], touched[-1][1]) if touched else place
