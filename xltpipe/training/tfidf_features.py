"""What a linear model sees: n-grams of a text, and how the words of two texts relate.

All of it is by words and characters as they stand, so it needs no weights and takes any script;
it carries over to another language as far as the words do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, product
from math import log, sqrt

from xltpipe.text import is_punctuation, key, tokenise

# Words that deny, where a sentence with one rarely follows from one without: eng, spa, por, fra,
# ita, deu, cat, glg, eus, swa. Of other languages the model learns them as words.
_NEGATIONS = """
no not n't 't never nobody nothing none nor neither without cannot nunca nadie nada ningún ninguna
ninguno sin tampoco jamás não nem ninguém nenhum nenhuma sem jamais ne pas rien personne aucun
aucune sans non mai nessuno niente nulla senza nicht kein keine keinen niemand nichts nie ohne cap
res ningú sense mai gens ninguén nin sen ez inor ezer inoiz gabe hakuna hapana si bila
"""
NEGATIONS = frozenset(_NEGATIONS.split())
CROSSED = 6
"""Words of each side alone that are paired with each other, at most."""
NUMBERS = 12
"""How many numbers tell of a pair."""


def words(text: str) -> list[str]:
    """The words of a text in the form under which they are compared."""
    return [key(text[start:end]) for start, end in tokenise(text).bounds]


def grams(found: Sequence[str], longest: int, characters: tuple[int, int]) -> Iterator[str]:
    """The n-grams of words up to `longest`, and those of characters inside words (with borders)."""
    for size in range(1, longest + 1):
        for start in range(len(found) - size + 1):
            yield "w " + " ".join(found[start : start + size])
    if characters[1]:
        for word in found:
            yield from _pieces(word, characters)


@lru_cache(maxsize=1 << 16)
def _pieces(word: str, sizes: tuple[int, int]) -> tuple[str, ...]:
    framed = f" {word} "
    return tuple(
        "c " + framed[start : start + size]
        for size in range(sizes[0], sizes[1] + 1)
        for start in range(len(framed) - size + 1)
    )


@dataclass(frozen=True, slots=True)
class Relation:
    """Two texts beside each other; punctuation is left out."""

    left: list[str]
    right: list[str]

    @classmethod
    def of(cls, left: Sequence[str], right: Sequence[str]) -> Relation:
        """The relation of two texts by their words."""
        plain = [[word for word in side if not is_punctuation(word)] for side in (left, right)]
        return cls(*plain)

    def terms(self) -> Iterator[str]:
        """The words that both have, that one has alone, and the pairs of the latter."""
        left, right = dict.fromkeys(self.left), dict.fromkeys(self.right)
        alone = [word for word in left if word not in right]
        new = [word for word in right if word not in left]
        yield from (f"both {word}" for word in left if word in right)
        yield from (f"left {word}" for word in alone)
        yield from (f"right {word}" for word in new)
        yield from (f"x {a} {b}" for a, b in product(alone[:CROSSED], new[:CROSSED]))

    def numbers(self) -> list[float]:
        """Likeness by words, word pairs and pieces; lengths; negation; numerals."""
        left, right = set(self.left), set(self.right)
        denied = [bool(side & NEGATIONS) for side in (left, right)]
        numerals = [{w for w in side if w[:1].isdigit()} for side in (left, right)]
        shared = len(left & right)
        pairs = [set(pairwise(side)) for side in (self.left, self.right)]
        pieces = [{p for w in side for p in _pieces(w, (3, 3))} for side in (left, right)]
        return [
            _jaccard(left, right),
            shared / sqrt(max(1, len(left) * len(right))),  # cosine
            shared / max(1, len(left)),
            shared / max(1, len(right)),
            _jaccard(*pairs),
            _jaccard(*pieces),
            log(1 + len(self.left)),
            log(1 + len(self.right)),
            log(1 + len(self.left)) - log(1 + len(self.right)),
            float(denied[0] and not denied[1]),
            float(denied[1] and not denied[0]),
            float(numerals[0] != numerals[1]),
        ]


def _jaccard(
    left: set[str] | set[tuple[str, str]], right: set[str] | set[tuple[str, str]]
) -> float:
    return len(left & right) / max(1, len(left | right))
