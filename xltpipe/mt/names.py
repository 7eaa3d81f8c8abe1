"""Names: pairs repeated with other names and numbers, so that a model learns to copy.

A word that stands once on both sides, capitalised, is taken for a name; a made-up one takes its
place on both. Made-up names follow the letters of the names in the text itself (trigrams).
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict

_WORD = re.compile(r"[^\W\d_]+|\d+")
_SHORTEST, _LONGEST = 3, 14


class Names:
    """Learns from pairs (`see`), then varies them (`vary`); the same seed gives the same names."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - not for secrets
        self._lower: Counter[str] = Counter()
        self._follow: dict[str, list[str]] = defaultdict(list)
        self._known: set[str] = set()

    def see(self, source: str, target: str) -> None:
        """Count words, and learn the letters of the names of a pair."""
        for word in _WORD.findall(source) + _WORD.findall(target):
            if word[0].islower():
                self._lower[word] += 1
        for name in self._copied(source, target):
            if name not in self._known and len(self._known) < 50_000:
                self._known.add(name)
                self._learn(name)

    def vary(self, source: str, target: str) -> tuple[str, str] | None:
        """The pair with other names or numbers, or None where it has none."""
        found = [w for w in self._copied(source, target) if self._lower[w.lower()] < 5]
        swaps = {word: self._other(word) for word in found if self._random.random() < 0.8}
        if not swaps:
            return None
        return _swapped(source, swaps), _swapped(target, swaps)

    def _copied(self, source: str, target: str) -> list[str]:
        left, right = Counter(_WORD.findall(source)), Counter(_WORD.findall(target))
        return [
            word
            for word, count in left.items()
            if count == 1 == right[word] and (_is_name(word) or _is_number(word))
        ]

    def _learn(self, name: str) -> None:
        spelt = f"^^{name.lower()}$"
        for place in range(2, len(spelt)):
            self._follow[spelt[place - 2 : place]].append(spelt[place])

    def _other(self, word: str) -> str:
        if word.isdigit():
            first = self._random.choice("123456789")
            return first + "".join(self._random.choices("0123456789", k=len(word) - 1))
        made = self._made()
        if word.isupper() and len(word) <= 5:
            return "".join(self._random.choices("ABCDEFGHIJKLMNOPRSTUVWYZ", k=len(word)))
        second = f" {self._made()}" if self._random.random() < 0.15 else ""
        return made + second

    def _made(self) -> str:
        for _ in range(20):
            spelt = "^^"
            while spelt[-1] != "$" and len(spelt) < _LONGEST + 3:
                spelt += self._random.choice(self._follow.get(spelt[-2:]) or ["$"])
            name = spelt[2:].rstrip("$")
            if _SHORTEST <= len(name) <= _LONGEST:
                return name.capitalize()
        return self._random.choice(sorted(self._known)) if self._known else "Anaro"


def _is_name(word: str) -> bool:
    return len(word) >= _SHORTEST and word[0].isupper() and word.isalpha()


def _is_number(word: str) -> bool:
    return len(word) >= 2 and word.isdigit()


def _swapped(text: str, swaps: dict[str, str]) -> str:
    return _WORD.sub(lambda match: swaps.get(match[0], match[0]), text)
