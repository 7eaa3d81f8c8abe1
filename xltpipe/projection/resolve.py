"""From linked words to one stretch per span, all spans of a sentence decided together.

The published heuristic looks at neighbours in source order and so deletes names that merely
swapped places (docs/findings.md); here only true overlaps in the target are conflicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from xltpipe.projection.rules import Mode

FOREIGN = 0.25
"""Cost of an unlinked word inside a stretch, against link scores in 0..1, in conflicts only."""

MOST_COMBINATIONS = 4096
"""Conflicts with more combinations than this are solved one stretch at a time, best first."""


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
    joined, the longest wins. `longest_run`: as `gap` with 0. First on ties. At last come the
    other runs, for spans whose best one is taken.
    """
    if not linked:
        return []
    words = sorted(linked)
    loose, tight = _runs(words, gap), _runs(words, 0)
    order = [_longest(tight), *tight]
    if mode != "longest_run":
        order = [_longest(loose), *order[:1], *loose, *tight]
    if mode == "min_max":
        order = [words, *order]
    return list(dict.fromkeys(_stretch(run, linked) for run in order))


def first_choice(linked: Mapping[int, float], mode: Mode, gap: int) -> tuple[int, int]:
    """Start and end of the first of `stretches`, which has one at least."""
    if mode == "min_max":
        return min(linked), max(linked) + 1
    run = _longest(_runs(sorted(linked), gap if mode == "gap" else 0))
    return run[0], run[-1] + 1


def _runs(words: Sequence[int], gap: int) -> list[list[int]]:
    runs: list[list[int]] = [[words[0]]]
    for word in words[1:]:
        if word - runs[-1][-1] - 1 <= gap:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _longest(runs: Sequence[list[int]]) -> list[int]:
    return max(runs, key=lambda run: run[-1] - run[0])


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
    group = list(range(len(chosen)))
    # A span that gives way may take other words and so meet a third one: until nobody does.
    while _merge(group, chosen, may_overlap):
        for cluster in _clusters(group):
            for k in cluster:
                mine = _uncontested(k, cluster, links, may_overlap)
                options[k] = list(dict.fromkeys([*options[k], *stretches(mine, mode, gap)]))
            for k, stretch in zip(cluster, _best(cluster, options, may_overlap), strict=True):
                chosen[k] = stretch
    return chosen


def _merge(
    group: list[int], chosen: Sequence[Stretch | None], may_overlap: Sequence[Sequence[bool]]
) -> bool:
    """Put spans that conflict into one group, in place; whether any were apart before."""
    apart = False
    for k, a in enumerate(chosen):
        for m in range(k):
            b = chosen[m]
            if group[k] == group[m] or not a or not b or may_overlap[k][m]:
                continue
            if a.overlaps(b):
                old, new, apart = group[k], group[m], True
                group[:] = [new if g == old else g for g in group]
    return apart


def _clusters(group: Sequence[int]) -> list[list[int]]:
    """The members of each group of several spans."""
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
    if prod(len(options[k]) + 1 for k in cluster) > MOST_COMBINATIONS:
        return _greedy(cluster, options, may_overlap)
    found: tuple[float, list[Stretch | None]] = (-1.0, [])

    def visit(taken: list[Stretch | None], total: float) -> None:
        nonlocal found
        if len(taken) == len(cluster):
            if total > found[0]:
                found = (total, taken)
            return
        k = cluster[len(taken)]
        for option in options[k]:
            if _fits(k, option, zip(cluster, taken, strict=False), may_overlap):
                # the constant makes placing a span worth more than losing it
                visit([*taken, option], total + 1.0 + option.score)
        visit([*taken, None], total)

    visit([], 0.0)
    return found[1]


def _greedy(
    cluster: Sequence[int],
    options: Sequence[Sequence[Stretch]],
    may_overlap: Sequence[Sequence[bool]],
) -> list[Stretch | None]:
    """The best stretch of all that still fits, again and again."""
    taken: dict[int, Stretch] = {}
    ranked = sorted(((s, k) for k in cluster for s in options[k]), key=lambda sk: -sk[0].score)
    for option, k in ranked:
        if k not in taken and _fits(k, option, taken.items(), may_overlap):
            taken[k] = option
    return [taken.get(k) for k in cluster]


def _fits(
    k: int,
    option: Stretch,
    taken: Iterable[tuple[int, Stretch | None]],
    may_overlap: Sequence[Sequence[bool]],
) -> bool:
    return not any(s is not None and not may_overlap[k][m] and s.overlaps(option) for m, s in taken)
