"""From linked words to one stretch per span, all spans of a sentence decided together.

The published heuristic looks at neighbours in source order and so deletes names that merely
swapped places (docs/findings.md); here only true overlaps in the target are conflicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["min_max", "longest_run", "gap"]

FOREIGN = 0.25
"""Cost of an unlinked word inside a stretch, against link scores in 0..1, in conflicts only."""

MOST_COMBINATIONS = 4096
"""Conflicts with more combinations than this are solved one span at a time, best first."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Target words start..end (half-open); `score` sums link scores less foreign words' cost."""

    start: int
    end: int
    score: float

    def overlaps(self, other: Stretch) -> bool:
        return self.start < other.end and other.start < self.end


def stretches(linked: Mapping[int, float], mode: Mode, gap: int) -> list[Stretch]:
    """The stretches that a span may take, the mode's own choice first; none if nothing is linked.

    `min_max`: first to last linked word. `gap`: runs at most `gap` unlinked words apart are
    joined, the longest wins. `longest_run`: as `gap` with 0. First on ties.
    """
    if not linked:
        return []
    words = sorted(linked)
    whole = _stretch(words, linked)
    close = _longest(words, gap, linked)
    run = _longest(words, 0, linked)
    order = {
        "min_max": [whole, close, run],
        "gap": [close, run],
        "longest_run": [run],
    }[mode]
    return list(dict.fromkeys(order))


def _longest(words: Sequence[int], gap: int, linked: Mapping[int, float]) -> Stretch:
    runs: list[list[int]] = [[words[0]]]
    for word in words[1:]:
        if word - runs[-1][-1] - 1 <= gap:
            runs[-1].append(word)
        else:
            runs.append([word])
    return _stretch(max(runs, key=lambda run: run[-1] - run[0]), linked)


def _stretch(words: Sequence[int], linked: Mapping[int, float]) -> Stretch:
    start, end = words[0], words[-1] + 1
    inside = sum(linked[w] for w in words)
    return Stretch(start, end, inside - FOREIGN * (end - start - len(words)))


def resolve(
    links: Sequence[Mapping[int, float]],
    may_overlap: Sequence[Sequence[bool]],
    mode: Mode,
    gap: int,
) -> list[Stretch | None]:
    """One stretch per span, or None where none is left, maximising the summed score.

    `links[k]` are the target words linked to span k with their scores; `may_overlap[k][m]` says
    that the two overlap in the source already and so may in the target.
    """
    options = [stretches(linked, mode, gap) for linked in links]
    chosen: list[Stretch | None] = [o[0] if o else None for o in options]
    for cluster in _clusters(chosen, may_overlap):
        for k in cluster:
            mine = _uncontested(k, cluster, links, may_overlap)
            extra = [s for s in stretches(mine, mode, gap) if s not in options[k]]
            options[k] = [*options[k], *extra]
        best = _best(cluster, options, may_overlap)
        for k, stretch in zip(cluster, best, strict=True):
            chosen[k] = stretch
    return chosen


def _clusters(
    chosen: Sequence[Stretch | None], may_overlap: Sequence[Sequence[bool]]
) -> list[list[int]]:
    """Groups of spans that conflict, directly or through others."""
    group = list(range(len(chosen)))
    for k, a in enumerate(chosen):
        for m in range(k):
            b = chosen[m]
            if a and b and not may_overlap[k][m] and a.overlaps(b):
                old, new = group[k], group[m]
                group = [new if g == old else g for g in group]
    members: dict[int, list[int]] = {}
    for k, g in enumerate(group):
        members.setdefault(g, []).append(k)
    return [m for m in members.values() if len(m) > 1]


def _uncontested(
    k: int,
    cluster: Sequence[int],
    links: Sequence[Mapping[int, float]],
    may_overlap: Sequence[Sequence[bool]],
) -> dict[int, float]:
    """The words of span k that no rival holds more strongly."""
    rivals = [m for m in cluster if m != k and not may_overlap[k][m]]
    return {
        word: score
        for word, score in links[k].items()
        if all(score >= links[m].get(word, 0.0) for m in rivals)
    }


def _best(
    cluster: Sequence[int],
    options: Sequence[Sequence[Stretch]],
    may_overlap: Sequence[Sequence[bool]],
) -> list[Stretch | None]:
    size = 1
    for k in cluster:
        size *= len(options[k]) + 1
    found: tuple[float, list[Stretch | None]] = (-1.0, [None] * len(cluster))
    greedy = size > MOST_COMBINATIONS
    order = sorted(cluster, key=lambda k: -max(s.score for s in options[k])) if greedy else cluster

    def visit(at: int, taken: list[Stretch | None], total: float) -> bool:
        nonlocal found
        if at == len(order):
            if total > found[0]:
                found = (total, list(taken))
            return greedy  # greedy stops at its first complete choice
        k = order[at]
        ranked = sorted(options[k], key=lambda s: -s.score) if greedy else options[k]
        for option in ranked:
            clash = any(
                s is not None and not may_overlap[k][order[i]] and s.overlaps(option)
                for i, s in enumerate(taken)
            )
            # the constant makes placing a span worth more than losing it
            if not clash and visit(at + 1, [*taken, option], total + 1.0 + option.score):
                return True
        return visit(at + 1, [*taken, None], total)

    visit(0, [], 0.0)
    place = dict(zip(order, found[1], strict=True))
    return [place[k] for k in cluster]
