"""Choices among candidates: which is likeliest read backwards, and which fit together."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from math import prod

from xltpipe.projection.constrained_problem import Candidate

MOST_COMBINATIONS = 4096
"""Conflicts with more combinations are solved one span at a time, surest first."""

# Values of the published code for translate-train.
_LIKE, _SURE_LIKE, _COST = 0.5, 0.9, 5.0


def rank_for_test(texts: Sequence[Sequence[str]], costs: Sequence[float]) -> int | None:
    """The forward-best candidate, or the cheapest read backwards of those that are part of it.

    Args:
        texts: each candidate's words, forward-best first.
        costs: −log p(source entity | candidate).
    """
    if not texts:
        return None
    inside = [k for k in range(1, len(texts)) if _part(texts[k], texts[0]) and costs[k] < costs[0]]
    return min(inside, key=lambda k: costs[k], default=0)


def rank_for_train(
    texts: Sequence[Sequence[str]], costs: Sequence[float], names: Sequence[str]
) -> int | None:
    """As for test, but unlikely candidates are left out first; None where none is left.

    A candidate stays if it is like one of `names` (the source entity and its own translation)
    or cheap read backwards; of those that are all but equal to a name the cheapest wins.
    """
    like = [max(_likeness(" ".join(words), name) for name in names) for words in texts]
    kept = [k for k in range(len(texts)) if like[k] > _LIKE or costs[k] < _COST]
    if not kept:
        return None
    top = max(like[k] for k in kept)
    if top >= _SURE_LIKE:
        return min((k for k in kept if like[k] == top), key=lambda k: costs[k])
    chosen = rank_for_test([texts[k] for k in kept], [costs[k] for k in kept])
    return None if chosen is None else kept[chosen]


def fit(
    options: Sequence[Sequence[Candidate]], may_overlap: Sequence[Sequence[bool]]
) -> list[Candidate | None]:
    """One candidate per span so that no two overlap that did not in the source.

    As many spans as can be are placed, and of these ways the one with the largest sum of scores.
    Scores of different spans have different sources: what counts is how far each is under its
    own best.
    """
    chosen: list[Candidate | None] = [None] * len(options)
    for cluster in _clusters(options, may_overlap):
        if prod(len(options[k]) + 1 for k in cluster) > MOST_COMBINATIONS:
            found = _greedy(cluster, options, may_overlap)
        else:
            found = _best(cluster, options, may_overlap)
        for k, candidate in zip(cluster, found, strict=True):
            chosen[k] = candidate
    return chosen


def _part(short: Sequence[str], long: Sequence[str]) -> bool:
    size = len(short)
    return size < len(long) and any(
        list(long[at : at + size]) == list(short) for at in range(len(long) - size + 1)
    )


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, a.casefold(), b.casefold()).ratio()


def _clusters(
    options: Sequence[Sequence[Candidate]], may_overlap: Sequence[Sequence[bool]]
) -> list[list[int]]:
    """Spans that any of their candidates bring into conflict, together."""
    group = list(range(len(options)))
    for k, mine in enumerate(options):
        for m in range(k):
            if not may_overlap[k][m] and any(a.overlaps(b) for a in mine for b in options[m]):
                old, new = group[k], group[m]
                group = [new if g == old else g for g in group]
    return [[k for k, g in enumerate(group) if g == name] for name in dict.fromkeys(group)]


def _best(
    cluster: Sequence[int],
    options: Sequence[Sequence[Candidate]],
    may_overlap: Sequence[Sequence[bool]],
) -> list[Candidate | None]:
    found: tuple[tuple[int, float], list[Candidate | None]] = ((-1, 0.0), [])

    def visit(taken: list[Candidate | None], placed: int, total: float) -> None:
        nonlocal found
        if len(taken) == len(cluster):
            if (placed, total) > found[0]:
                found = ((placed, total), taken)
            return
        k = cluster[len(taken)]
        for candidate in options[k]:
            if _fits(k, candidate, cluster, taken, may_overlap):
                lag = -abs(candidate.score - options[k][0].score)
                visit([*taken, candidate], placed + 1, total + lag)
        visit([*taken, None], placed, total)

    visit([], 0, 0.0)
    return found[1]


def _greedy(
    cluster: Sequence[int],
    options: Sequence[Sequence[Candidate]],
    may_overlap: Sequence[Sequence[bool]],
) -> list[Candidate | None]:
    """The span whose best is farthest ahead of its second chooses first."""

    def lead(k: int) -> float:
        scores = [candidate.score for candidate in options[k][:2]]
        return scores[0] - scores[1] if len(scores) == 2 else 0.0

    order = sorted(cluster, key=lambda k: (-lead(k), k))
    taken: dict[int, Candidate | None] = {}
    for k in order:
        fitting = (
            c for c in options[k] if _fits(k, c, list(taken), list(taken.values()), may_overlap)
        )
        taken[k] = next(fitting, None)
    return [taken[k] for k in cluster]


def _fits(
    k: int,
    candidate: Candidate,
    others: Sequence[int],
    taken: Sequence[Candidate | None],
    may_overlap: Sequence[Sequence[bool]],
) -> bool:
    return not any(
        other is not None and not may_overlap[k][m] and other.overlaps(candidate)
        for m, other in zip(others, taken, strict=False)
    )
