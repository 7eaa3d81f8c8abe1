"""Raw text: put tokens back on the text they were cut from, or make one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

import regex

from xltpipe.text import CLOSING, OPENING, UNSPACED
from xltpipe.types import Bounds

Join = Literal["natural", "space"]
"""How tokens without a raw text become one: spaced as people write, or by one space each."""

_QUOTES = frozenset(['"', "''", "``"])
_UNSPACED = regex.compile(f"[{UNSPACED}]")


def place_tokens(
    tokens: Sequence[str], raw: str | None, join: Join = "natural"
) -> tuple[str, list[Bounds]]:
    """The text and the tokens' bounds in it: the raw text where it holds just these tokens."""
    bounds = None if raw is None else _found(tokens, raw)
    if raw is not None and bounds is not None:
        return raw, bounds
    if join == "natural":
        return _naturally(tokens)
    letters = pairwise(accumulate(map(len, tokens), initial=0))
    return " ".join(tokens), [(a + spaces, b + spaces) for spaces, (a, b) in enumerate(letters)]


def _naturally(tokens: Sequence[str]) -> tuple[str, list[Bounds]]:
    """Tokens spaced as in running text: engines were trained on that, not on cut-up text.

    The tokens themselves are never changed, so that labels stay exact whatever the spacing.
    """
    pieces: list[str] = []
    bounds: list[Bounds] = []
    at, quoted, glued = 0, False, True
    for token in tokens:
        closes = token in _QUOTES and quoted
        if not (glued or closes or _leans_back(token, pieces[-1])):
            pieces.append(" ")
            at += 1
        pieces.append(token)
        bounds.append((at, at + len(token)))
        at += len(token)
        glued = token in OPENING or (token in _QUOTES and not closes)
        quoted ^= token in _QUOTES
    return "".join(pieces), bounds


def _leans_back(token: str, before: str) -> bool:
    """This token stands directly behind the one before it."""
    first = token[0]
    if first.isascii() and first.isalnum():
        return token in {"n't", "n’t"}
    if first in CLOSING:
        return token[1:].isalpha() if first == "’" and len(token) > 1 else True
    if first == "'":
        return len(token) > 1 and token[1:].isalpha()
    return bool(_UNSPACED.match(first) and _UNSPACED.match(before[-1]))


def _found(tokens: Sequence[str], raw: str) -> list[Bounds] | None:
    """The tokens in order with nothing but white space between them, else None.

    Searching on past other characters would find words elsewhere: UD's raw texts hold
    "del" where the tokens are "de" and "el".
    """
    bounds: list[Bounds] = []
    end = 0
    for token in tokens:
        start = end
        if not raw.startswith(token, start):
            start = raw.find(token, end)
            if start < 0 or not raw[end:start].isspace():
                return None
        end = start + len(token)
        bounds.append((start, end))
    return bounds if not raw[end:].strip() else None
