"""What may be an answer: stretches of words inside a sentence, and what is seen of each.

Stretches are seen through their ends, their kinds of words, and how near the question's words
stand (after Rajpurkar et al., 2016, section 5: a logistic regression over candidate spans). There
is no parser: any stretch that does not cross a sentence's end is a candidate. All is computed by
words, in NumPy: a paragraph has more than a thousand candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xltpipe.text import key, tokenise
from xltpipe.training.features import extract
from xltpipe.types import Bounds

STOPS = frozenset(".!?。！？।؟…")
STEM = 5
"""Letters by which a word of the context is told to be one of the question."""
WINDOW = 5
"""Words on each side of a candidate among which those of the question are looked for."""
NUMBERS = 13

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates of one question: stretches, terms (a row of names each), and numbers."""

    bounds: list[Bounds]
    terms: list[list[str]]  # each distinct term list, such as those of one start
    rows: Ints  # candidates x 3: their start's, their end's and their stretch's terms
    numbers: Floats  # candidates x NUMBERS


@dataclass(frozen=True, slots=True)
class Asking:
    """What is known of questions: how they open, and how rare words are."""

    openers: frozenset[str]
    rarity: Mapping[str, float]
    longest: int

    def weight(self, stem: str) -> float:
        """Of a word of the question: rare ones tell more."""
        return self.rarity.get(stem, 1.0)


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """A word's first letters, by which its forms agree in most languages."""
    return key(word)[:STEM]


def types(question: str, openers: frozenset[str]) -> tuple[str, str]:
    """What is asked: the first word that opens questions, and this word with the next."""
    found = [key(question[a:b]) for a, b in tokenise(question).bounds]
    at = next((i for i, word in enumerate(found) if word in openers), None)
    if at is None:
        return "", ""
    return found[at], " ".join(found[at : at + 2])


def candidates(question: str, context: str, asking: Asking) -> Candidates:
    """All candidates of a context, and what is seen of them beside this question."""
    bounds = tokenise(context).bounds
    found = [context[a:b] for a, b in bounds]
    starts, ends = _stretches(found, asking.longest)
    kinds = _kinds(found)
    one, two = types(question, asking.openers)
    of_start = [
        [f"S{t}" for t in _edge(found, kinds, i, i - 1, one, two)] for i in range(len(found))
    ]
    of_end = [[f"E{t}" for t in _edge(found, kinds, i, i + 1, one, two)] for i in range(len(found))]
    codes, of_code = _codes(found, kinds, starts, ends, one, two)
    count = len(found)
    rows = np.stack([starts, count + ends, 2 * count + codes], 1)
    numbers = _numbers(question, found, starts, ends, asking)
    places = [(bounds[s][0], bounds[e][1]) for s, e in zip(starts, ends, strict=True)]
    return Candidates(places, [*of_start, *of_end, *of_code], rows, numbers)


def _stretches(found: Sequence[str], longest: int) -> tuple[Ints, Ints]:
    """First and last word of each: neither is a mark, and no sentence ends inside."""
    marks = [not any(c.isalnum() for c in w) for w in found]
    opens = [not mark or w in "$€£¥“\"'«(" for w, mark in zip(found, marks, strict=True)]
    closes = [not mark or w in "%”\"'»)°" for w, mark in zip(found, marks, strict=True)]
    pairs = []
    for first, good in enumerate(opens):
        for last in range(first, min(first + longest, len(found)) if good else first):
            if found[last] in STOPS and not (
                last + 1 < len(found) and found[last + 1][:1].islower()
            ):
                break
            if closes[last] and not (first == last and marks[first]):
                pairs.append((first, last))
    table = np.array(pairs, np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _kinds(found: Sequence[str]) -> list[str]:
    """The folded shape of each word, from what the CRF sees of it."""
    return [next(f[2:] for f in row if f.startswith("s ")) for row in extract(found)]


def _edge(
    found: Sequence[str], kinds: Sequence[str], at: int, beside: int, one: str, two: str
) -> list[str]:
    inside = 0 <= beside < len(found)
    kind, other = kinds[at], kinds[beside] if inside else "|"
    word, near = key(found[at]), key(found[beside]) if inside else "|"
    return [
        f"k {kind}",
        f"k {kind} {one}",
        f"k {kind} {two}",
        f"n {near}",
        f"n {near} {one}",
        f"o {other} {kind}",
        f"w {word}",
        f"w {word} {one}",
    ]


def _codes(
    found: Sequence[str], kinds: Sequence[str], starts: Ints, ends: Ints, one: str, two: str
) -> tuple[Ints, list[list[str]]]:
    """A number for each stretch by what words it has, and the terms of each number."""
    named = np.array([kind[:1] == "X" for kind in kinds], bool)
    numeral = np.array(["d" in kind for kind in kinds], bool)
    small = np.array([kind == "x" for kind in kinds], bool)
    marks = np.array([not any(c.isalnum() for c in word) for word in found], bool)
    length = np.minimum(ends - starts, 7)
    code = length
    for flags in (named, numeral, small, marks):
        code = code * 2 + (_inside(flags, starts, ends) > 0)
    code = code * 2 + (_inside(named | marks, starts, ends) == ends - starts + 1)
    distinct, which = np.unique(code, return_inverse=True)
    terms = []
    for number in distinct.tolist():
        size, flags = number >> 5, number & 31
        names = [f"l {size}", f"f {flags}", f"lf {number}"]
        terms.append([*names, *(f"{n} {one}" for n in names), *(f"{n} {two}" for n in names[:2])])
    return which.reshape(-1), terms


def _inside(values: NDArray[Any], starts: Ints, ends: Ints) -> NDArray[Any]:
    """Sums over stretches, ends included."""
    total = np.concatenate([[0], np.cumsum(values)])
    sums: NDArray[Any] = total[ends + 1] - total[starts]
    return sums


def _numbers(
    question: str, found: Sequence[str], starts: Ints, ends: Ints, asking: Asking
) -> Floats:
    """How much of the question stands around each stretch, in its sentence, and inside it."""
    weight, own, best = _matches(question, found, asking)
    last = len(found) - 1

    def before(words: int) -> Floats:
        return _inside(weight, np.maximum(starts - words, 0), starts) - weight[starts]

    def after(words: int) -> Floats:
        return _inside(weight, ends, np.minimum(ends + words, last)) - weight[ends]

    left, right = _distances(weight > 0)
    columns = [
        own[starts],
        own[starts] == best,
        own[starts] - best,
        before(WINDOW),
        after(WINDOW),
        before(2),
        after(2),
        _inside(weight, starts, ends),
        _inside(weight > 0, starts, ends) > 0,
        1 / (1 + left[starts]),
        1 / (1 + right[ends]),
        np.log1p(ends - starts),
        starts / max(1, last),
    ]
    return np.stack(columns, axis=1).astype(np.float64)


def _matches(question: str, found: Sequence[str], asking: Asking) -> tuple[Floats, Floats, float]:
    """Of each word, its share of the question and its sentence's; the largest of the latter.

    Sums go in the order of the text: sets have another in each process.
    """
    stems = dict.fromkeys(stem(question[a:b]) for a, b in tokenise(question).bounds)
    asked = {s: asking.weight(s) for s in stems if s[:1].isalnum() and s not in asking.openers}
    whole = sum(asked.values()) or 1.0
    weight = np.array([asked.get(stem(word), 0.0) / whole for word in found])
    shares: list[float] = []
    of_word: list[int] = []
    seen: set[str] = set()
    ended = True
    for word in found:
        if ended:
            shares.append(0.0)
            seen.clear()
        name = stem(word)
        if name in asked and name not in seen:
            shares[-1] += asked[name] / whole
            seen.add(name)
        of_word.append(len(shares) - 1)
        ended = word in STOPS
    own = np.array([shares[sentence] for sentence in of_word])
    return weight, own, max(shares, default=0.0)


def _distances(hits: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Words to the nearest hit before and after each word, 20 at most."""

    def before(flags: NDArray[np.bool_]) -> Floats:
        at = np.where(flags, np.arange(len(flags)), -20)
        nearest = np.concatenate([[-20], np.maximum.accumulate(at)[:-1]]) if len(at) else at
        far: Floats = np.minimum(np.arange(len(flags)) - nearest, 20).astype(np.float64)
        return far

    return before(hits), before(hits[::-1])[::-1]
