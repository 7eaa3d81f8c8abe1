"""Answer text: the words of an answer, as SQuAD and MLQA compare them.

Lower case, no punctuation, no articles, then cut. MLQA's rules (Lewis et al., 2020) are those of
SQuAD for English; they name articles for five more languages, and cut Chinese by character. We
cut other scripts without spaces by letter, and leave articles of further languages in.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Literal

import regex

from xltpipe.text import UNSPACED

Normalisation = Literal["mlqa", "squad"]

ARTICLES: Mapping[str, str] = {
    "eng": r"\b(?:a|an|the)\b",
    "spa": r"\b(?:un|una|unos|unas|el|la|los|las)\b",
    "deu": r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "vie": r"\b(?:của|là|cái|chiếc|những)\b",
    # MLQA takes the article's two letters away wherever they stand, in words too
    "ara": "ال",
}
"""What is taken away, by language (ISO 639-3); MLQA has none for Hindi and Chinese."""

_BY_LETTER = {
    "zho": regex.compile(r"[\u4e00-\u9fa5]|[^\s\u4e00-\u9fa5]+"),
    **dict.fromkeys(
        ("yue", "jpn", "tha", "lao", "khm", "mya"),
        regex.compile(rf"[{UNSPACED}]\p{{M}}*|[[^\s]--[{UNSPACED}]]+", regex.V1),
    ),
}


def words(text: str, lang: str, rule: Normalisation) -> list[str]:
    """The words by which an answer in this language is compared; none if nothing is left."""
    code = "eng" if rule == "squad" else lang
    kept = text.lower().translate(_ascii() if rule == "squad" else _Punctuation.known)
    if code in ARTICLES:
        kept = re.sub(ARTICLES[code], " ", kept)
    cut = _BY_LETTER.get(code)
    return kept.split() if cut is None else cut.findall(kept)


@cache
def _ascii() -> dict[int, None]:
    return {ord(sign): None for sign in string.punctuation}


class _Punctuation(dict[int, int | None]):
    """For `str.translate`: takes characters of Unicode's categories P away, and ASCII's marks."""

    known: Mapping[int, int | None]

    def __missing__(self, code: int) -> int | None:
        sign = chr(code)
        gone = unicodedata.category(sign).startswith("P") or sign in string.punctuation
        self[code] = None if gone else code
        return self[code]


_Punctuation.known = _Punctuation()
