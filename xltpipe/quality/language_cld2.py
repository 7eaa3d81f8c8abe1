"""CLD2: the language of a text by its script and its four-letter stretches (pycld2)."""

from __future__ import annotations

from functools import cache
from math import nan

import numpy as np

from xltpipe.quality.language_opinion import UNSURE, Opinions, named
from xltpipe.quality.language_text import Texts

_NOTHING = (nan, nan, nan)


class Cld2:
    """Says in how many of a text's bytes it sees which language, and whether it is sure."""

    def knows(self, language: str) -> bool:
        return language in _known()

    def opinions(self, texts: Texts, ours: str, theirs: str) -> Opinions:
        from pycld2 import detect

        data, ids = texts.data, _ids()
        said, shares = [], []
        for start, end in zip(texts.start.tolist(), texts.end.tolist(), strict=True):
            sure, _, found = detect(data[start:end], True)
            first = ids[found[0][1]]
            if not sure:
                said.append(UNSURE)
                shares.append(_NOTHING)
            elif found[1][2] == 0:  # it saw one language only
                percent = found[0][2]
                said.append(first)
                shares.append((percent * (first == ours), percent * (first == theirs), percent))
            else:
                said.append(first)
                shares.append(_shares([(ids[code], p) for _, code, p, _ in found], ours, theirs))
        table = np.array(shares, np.float64).reshape(-1, 3) / 100.0
        return Opinions(table[:, 0], table[:, 1], np.array(said, "<U16"), table[:, 2])


def _shares(seen: list[tuple[str, int]], ours: str, theirs: str) -> tuple[float, float, float]:
    """Percentages of the two languages and of the first; one may stand there in two scripts."""
    return (
        sum(percent for language, percent in seen if language == ours),
        sum(percent for language, percent in seen if language == theirs),
        seen[0][1],
    )


@cache
def _ids() -> dict[str, str]:
    """The registry's id of each code of CLD2, its own for what is no language (`un`, `xx-Latn`)."""
    from pycld2 import LANGUAGES

    return {code: named(code) for _, code in LANGUAGES} | {"un": UNSURE}


@cache
def _known() -> frozenset[str]:
    """What CLD2 was trained for: it has names for more languages than it can tell."""
    from pycld2 import DETECTED_LANGUAGES, LANGUAGES

    return frozenset(_ids()[code] for name, code in LANGUAGES if name in DETECTED_LANGUAGES)
