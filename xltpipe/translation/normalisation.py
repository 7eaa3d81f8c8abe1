"""Normalisation: text as a model was trained to read it, and its output as people write it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# One form for quotes and dashes: a small vocabulary learns each character from few examples.
_PLAIN = str.maketrans(dict.fromkeys("‘’", "'") | dict.fromkeys("“”«»", '"') | {"–": "-", "—": "-"})
_INVERTED = re.compile(r"([¿¡])(?=\S)")
_INVERTED_SPACED = re.compile(r"([¿¡]) +")


class Normaliser:
    """Applies the steps of a model's description, in both directions.

    Args:
        steps: names out of `nfkc`, `plain_punctuation` and `spaced_inversion`.
        markers: names of bracket markers; each becomes `[A]` with a space on both sides,
            the only form in which it is one piece of the vocabulary.
    """

    def __init__(self, steps: Sequence[str], markers: Sequence[str]) -> None:
        self._nfkc = "nfkc" in steps
        self._plain = "plain_punctuation" in steps
        self._inversion = "spaced_inversion" in steps
        names = "|".join(map(re.escape, markers))
        self._markers = re.compile(rf"\s*(\[/?(?:{names})\])") if markers else None
        self._openers = re.compile(rf"(\[(?:{names})\])(?=\S)") if markers else None

    def before(self, text: str) -> str:
        """The text to tokenise; white space of any kind becomes one space."""
        if not text.isascii():
            text = self._before_unicode(text)
        if self._markers is not None and self._openers is not None and "[" in text:
            text = self._openers.sub(r"\1 ", self._markers.sub(r" \1", text))
        return " ".join(text.split())

    def after(self, text: str) -> str:
        """The text to give back."""
        return _INVERTED_SPACED.sub(r"\1", text) if self._inversion else text

    def _before_unicode(self, text: str) -> str:
        if self._nfkc:
            text = unicodedata.normalize("NFKC", text)
        if self._plain:
            text = text.translate(_PLAIN)
        return _INVERTED.sub(r"\1 ", text) if self._inversion else text
