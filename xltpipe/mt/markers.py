"""Markers: label brackets around aligned phrases, so that a model carries them through.

EasyProject trains on such text (Chen, Jiang, Ritter and Xu, Findings of ACL 2023); phrases are
those that no link leaves (Koehn, Och and Marcu, 2003).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LONGEST = 4
"""Words of a marked phrase at most."""

Phrase = tuple[int, int, int, int]
"""First and last word on the source side, then on the target side."""


@dataclass(frozen=True, slots=True)
class Side:
    """Piece ids of one side and where its words begin."""

    ids: NDArray[np.uint16]
    starts: NDArray[np.int64]

    def edge(self, word: int) -> int:
        """Where a word begins; the number of pieces for the one after the last."""
        return int(self.starts[word]) if word < len(self.starts) else len(self.ids)


def phrase(
    links: NDArray[np.int64], first: int, last: int, word_links: Sequence[Sequence[int]]
) -> Phrase | None:
    """The target phrase that goes with source words `first` to `last`, if no link leaves it."""
    reached = [j for i in range(first, last + 1) for j in word_links[i]]
    if not reached:
        return None
    low, high = min(reached), max(reached)
    if high - low >= _LONGEST + 2:
        return None
    inside = (links[:, 1] >= low) & (links[:, 1] <= high)
    back = links[inside, 0]
    if back.min() < first or back.max() > last:
        return None
    return first, last, low, high


def choose(
    source: Side,
    target: Side,
    links: NDArray[np.int64],
    letters: NDArray[np.bool_],
    capitals: NDArray[np.bool_],
    draw: random.Random,
) -> list[Phrase]:
    """One to three phrases apart from each other, names rather than others; maybe none.

    `letters` and `capitals` tell of each piece id whether it begins with a letter or digit,
    and with an upper-case letter.
    """
    word_links: list[list[int]] = [[] for _ in source.starts]
    for i, j in links.tolist():
        word_links[i].append(j)
    wanted = 1 if draw.random() < 0.5 else draw.randint(2, 3)
    names = capitals[source.ids[source.starts]]
    chosen: list[Phrase] = []
    for _ in range(6 * wanted):
        first = draw.randrange(len(word_links))
        if draw.random() < 0.6 and not names[first]:
            continue
        last = min(len(word_links) - 1, first + draw.choice((0, 0, 1, 1, 2, 3)))
        found = phrase(links, first, last, word_links)
        if found is not None and _marks(found, source, target, letters) and _apart(found, chosen):
            chosen.append(found)
            if len(chosen) == wanted:
                break
    return chosen


def _marks(found: Phrase, source: Side, target: Side, letters: NDArray[np.bool_]) -> bool:
    """Spans of labels begin and end in words, not in punctuation."""
    edges = (
        source.ids[source.starts[[found[0], found[1]]]],
        target.ids[target.starts[[found[2], found[3]]]],
    )
    return bool(letters[edges[0]].all() and letters[edges[1]].all())


def _apart(found: Phrase, chosen: Sequence[Phrase]) -> bool:
    return all(
        (found[1] < one[0] or found[0] > one[1]) and (found[3] < one[2] or found[2] > one[3])
        for one in chosen
    )


def insert(
    side: Side, spans: Sequence[tuple[int, int]], brackets: Sequence[tuple[int, int]]
) -> tuple[NDArray[np.uint16], NDArray[np.int64]]:
    """The pieces with brackets (opening, closing id) around spans of words (first, last).

    Also gives back the place of each old piece among the new ones.
    """
    before: dict[int, list[int]] = {}
    after: dict[int, list[int]] = {}
    for (first, last), (opening, closing) in zip(spans, brackets, strict=True):
        before.setdefault(side.edge(first), []).append(opening)
        after.setdefault(side.edge(last + 1), []).append(closing)
    out: list[int] = []
    places = np.empty(len(side.ids), np.int64)
    for place, piece in enumerate(side.ids.tolist()):
        out += after.get(place, [])
        out += before.get(place, [])
        places[place] = len(out)
        out.append(piece)
    out += after.get(len(side.ids), [])
    return np.array(out, np.uint16), places
