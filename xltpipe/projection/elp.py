"""ELP: the heuristic of a published tool (García-Ferrero et al., 2022), kept to compare with.

It reproduces that tool's files exactly, faults included: its gap rule joins two runs by their total
width, and names that swap places in the translation are taken for a conflict, which joins them or
deletes one. `place` is what to use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import punctuation

_MARKS = frozenset(punctuation)

Found = list[int] | str
"""Target words (ascending, not always neighbours), or the reason why there are none."""


def place(
    labels: Sequence[str],
    areas: Sequence[tuple[int, int]],
    links: Sequence[tuple[int, int]],
    target: Sequence[str],
    gap: int = 1,
) -> list[Found]:
    """One outcome per span. Spans must be in source order.

    A span that was joined with its successor is `merged` into it: only one of them keeps words.
    """
    found: list[Found] = [_linked(area, links, target, gap) for area in areas]
    _join(labels, found)
    _delete(found)
    return found


def tags(labels: Sequence[str], found: Sequence[Found], size: int) -> list[str]:
    """The tags that the tool writes for a sentence of `size` words."""
    out = ["O"] * size
    for label, words in zip(labels, found, strict=True):
        if not isinstance(words, str):
            for number, word in enumerate(words):
                out[word] = f"{'I' if number else 'B'}-{label}"
    return out


def longest_run(words: Sequence[int]) -> tuple[int, int]:
    """Start and end of the longest row of neighbours, the first of equals."""
    runs = _runs(words)
    best = max(runs, key=len)
    return best[0], best[-1] + 1


def _linked(
    area: tuple[int, int], links: Sequence[tuple[int, int]], target: Sequence[str], gap: int
) -> Found:
    every = sorted({j for i, j in links if area[0] <= i < area[1]})
    if not every:
        return "no_alignment"
    words = [j for j in every if not _MARKS.issuperset(target[j])]
    if not words:
        return "punctuation_only"
    runs, place = _runs(words), 0
    while place < len(runs) - 1:
        first, last = runs[place][0], runs[place + 1][-1]
        if last - first <= gap + 1:
            runs[place : place + 2] = [list(range(first, last + 1))]
        else:
            place += 1
    return max(runs, key=len)


def _runs(words: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for word in words:
        if runs and word == runs[-1][-1] + 1:
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs


def _join(labels: Sequence[str], found: list[Found]) -> None:
    """Unite neighbours in source order that end after the next begins, if of one label."""
    placed = _placed(found)
    for one, other in zip(sorted(placed), sorted(placed)[1:], strict=False):
        first, second = placed[one], placed[other]
        if labels[one] == labels[other] and first[-1] >= second[0]:
            placed[other] = sorted({*first, *second})
            found[other], found[one] = placed[other], "merged"


def _delete(found: list[Found]) -> None:
    """Of neighbours that still conflict the one with fewer words goes, the first of equals."""
    placed = _placed(found)
    order = sorted(placed)
    place = 0
    while place < len(order) - 1:
        one, other = order[place], order[place + 1]
        if placed[one][-1] < placed[other][0]:
            place += 1
            continue
        lost = place + 1 if len(placed[one]) > len(placed[other]) else place
        found[order[lost]] = "overlap"
        del order[lost]


def _placed(found: Sequence[Found]) -> dict[int, list[int]]:
    return {k: words for k, words in enumerate(found) if not isinstance(words, str)}


def outcomes(
    found: Sequence[Found], scores: Mapping[int, float]
) -> list[tuple[int, int, float] | str]:
    """Each outcome as one stretch: the longest run of its words, with its words' mean score."""
    out: list[tuple[int, int, float] | str] = []
    for words in found:
        if isinstance(words, str):
            out.append(words)
        else:
            start, end = longest_run(words)
            known = [scores[w] for w in range(start, end) if w in scores]
            out.append((start, end, sum(known) / len(known) if known else 0.0))
    return out
