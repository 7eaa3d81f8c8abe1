"""Raw text: put tokens back on the text they were cut from, or make one of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from xltpipe.types import Bounds


def place_tokens(tokens: Sequence[str], raw: str | None) -> tuple[str, list[Bounds]]:
    """The text and the tokens' bounds in it: the raw text where it holds just these tokens."""
    bounds = None if raw is None else _found(tokens, raw)
    if raw is not None and bounds is not None:
        return raw, bounds
    letters = pairwise(accumulate(map(len, tokens), initial=0))
    return " ".join(tokens), [(a + spaces, b + spaces) for spaces, (a, b) in enumerate(letters)]


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
