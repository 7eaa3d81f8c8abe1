"""The lexical aligner at work: likeness of word types, then occurrences matched in order."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xltpipe.alignment.likeness import VOWEL, dice, in_order, likeness
from xltpipe.alignment.numerals import readings
from xltpipe.alignment.romanisation import VOWELS
from xltpipe.protocols import Pair
from xltpipe.text import is_punctuation, key
from xltpipe.types import Alignment, Words

MAX_CELLS = 4_000_000
"""Source words x target words of a pair that is still aligned (2,000 by 2,000)."""

LEAST_DICE = 0.3
"""Words of one script that share fewer letter pairs are not compared any closer."""

LONG = 8
"""Letters of a word that is long enough for the threshold as it is set."""

PER_LETTER = 0.05
"""What each letter less adds to it: likeness of short words is often an accident."""

_PUNCTUATION = str.maketrans("。、，！？；：،؟؛।“”„«»‘’", '.,,!?;:,?;."""""\'\'')


@dataclass(frozen=True, slots=True)
class _Type:
    """A distinct word of a sentence; `name` says that every occurrence starts with a capital,
    or that its script knows none.
    """

    form: str
    roman: str
    script: str
    name: bool
    places: list[int]


class LexicalAligner:
    """Links words one to one; `skipped` counts pairs too long to align (they get no links)."""

    def __init__(
        self,
        romanise: Callable[[str], str],
        *,
        threshold: float,
        foreign_threshold: float,
        least_letters: int,
    ) -> None:
        self._romanise = romanise
        self.threshold, self.foreign_threshold = threshold, foreign_threshold
        self.least_letters = least_letters
        self.skipped = 0

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        """One alignment per pair, same order; without links for an empty side."""
        return [self._align(source, target) for source, target in pairs]

    def _align(self, source: Words, target: Words) -> Alignment:
        if len(source) * len(target) > MAX_CELLS:
            self.skipped += 1
            return Alignment(())
        if not len(source) or not len(target):
            return Alignment(())
        sources, targets = self._types(source), self._types(target)
        scored = sorted(
            (-score, i, j)
            for i, j in self._near(sources, targets)
            if (score := self._likeness(sources[i], targets[j]))
        )
        free = [{*one.places} for one in sources], [{*one.places} for one in targets]
        links: dict[tuple[int, int], float] = {}
        for score, i, j in scored:
            left, right = sorted(free[0][i]), sorted(free[1][j])
            for link in in_order(left, right, len(target) / len(source)):
                links[link] = -score
                free[0][i].discard(link[0])
                free[1][j].discard(link[1])
        return Alignment(tuple(sorted(links)), tuple(links[link] for link in sorted(links)))

    def _types(self, words: Words) -> list[_Type]:
        places: dict[str, list[int]] = {}
        strings = words.strings
        for place, word in enumerate(strings):
            places.setdefault(key(word), []).append(place)
        return [
            _Type(
                form=form,
                roman=self._romanise(form),
                script=_script(form),
                name=all(_capital(strings[place]) for place in some),
                places=some,
            )
            for form, some in places.items()
        ]

    def _near(self, sources: Sequence[_Type], targets: Sequence[_Type]) -> list[tuple[int, int]]:
        """Pairs worth a closer look: of different scripts, of no letters, or of like letters."""
        near = dice([one.roman for one in sources], [one.roman for one in targets])
        scripts = sorted({one.script for one in (*sources, *targets)})
        left = np.array([scripts.index(one.script) for one in sources])
        right = np.array([scripts.index(one.script) for one in targets])
        alike = (left[:, None] == right) & (
            np.array([bool(name) for name in scripts])[left][:, None]
        )
        rows, columns = np.nonzero(~alike | (near >= LEAST_DICE))
        return list(zip(rows.tolist(), columns.tolist(), strict=True))

    def _likeness(self, one: _Type, other: _Type) -> float:
        """0 for pairs that must not be linked, else their likeness in 0..1."""
        if not one.script or not other.script:
            return float(_alike(one, other))
        if one.script == other.script:
            if one.form == other.form:
                return float(len(one.form) >= self.least_letters or (one.name and other.name))
            letters = min(len(one.roman), len(other.roman))
            score = likeness(one.roman, other.roman, 1.0) if letters >= self.least_letters else 0.0
            asked = self.threshold + PER_LETTER * max(0, LONG - letters)
            return score if score >= asked else 0.0
        if not (one.name and other.name and _tells(one.roman) and _tells(other.roman)):
            return 0.0
        score = likeness(one.roman, other.roman, VOWEL)
        return score if score >= self.foreign_threshold else 0.0


def _capital(word: str) -> bool:
    """The word starts with a capital, or with a letter of a script that does not use them."""
    return word[0] == word[0].title()  # Georgian letters have upper case, but no title case


def _alike(one: _Type, other: _Type) -> bool:
    """Words without letters: the same number, or the same marks as often on both sides."""
    if one.script or other.script:
        return False
    if readings(one.form) or readings(other.form):
        return bool(readings(one.form) & readings(other.form))
    if is_punctuation(one.form) and len(one.places) != len(other.places):
        return False  # which comma stands for which is anybody's guess
    return one.form.translate(_PUNCTUATION) == other.form.translate(_PUNCTUATION)


def _tells(roman: str) -> bool:
    """Enough consonants that likeness is no accident."""
    return sum(c.isalpha() and c not in VOWELS for c in roman) >= 2


@lru_cache(maxsize=1 << 16)
def _script(word: str) -> str:
    """The script of the first letter, by the name of the character; empty without letters."""
    for character in word:
        if unicodedata.category(character)[0] == "L":
            return unicodedata.name(character, "UNKNOWN").split()[0]
    return ""
