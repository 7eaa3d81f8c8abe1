"""Placing: from the links of one sentence pair to the places of all its spans, decided together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from xltpipe.projection.boundaries import is_clause, settle
from xltpipe.projection.evidence import COPIED, evidence, mend, symbols
from xltpipe.projection.pairing import Area, Free, Pairing
from xltpipe.projection.resolve import first_choice, resolve
from xltpipe.projection.rules import Rules
from xltpipe.projection.traits import EMPTY, PUNCTUATION
from xltpipe.types import Bounds

Place = tuple[int, int, float, bool]
"""Target words start..end, score, and whether it rests on equal strings alone."""

Linked = dict[int, float]


def place(pairing: Pairing, spans: Sequence[Bounds], rules: Rules) -> list[Place | str]:
    """For each source span (characters) its place, or the reason why it has none."""
    if not pairing.target:
        return ["text_missing"] * len(spans)
    areas = [area_of(span, pairing.source_words) for span in spans]
    mend(pairing, areas, rules)
    clauses = [is_clause(pairing, area, rules) for area in areas]
    bare = [_bare(pairing, area) for area in areas]
    linked = [
        symbols(pairing, area) if alone else evidence(pairing, area, rules, clause=clause)
        for area, clause, alone in zip(areas, clauses, bare, strict=True)
    ]
    apart = _apart(spans)
    stretches = _stretches(linked, apart, rules)
    chosen = list(stretches)
    for k, stretch in enumerate(stretches):
        if stretch is not None and not bare[k]:
            free = _free(k, chosen, apart)
            chosen[k] = settle(pairing, areas[k], stretch, rules, free, clause=clauses[k])
    return _outcomes(pairing, areas, linked, stretches, chosen, apart, rules)


def area_of(span: Bounds, bounds: Sequence[Bounds]) -> Area:
    """The words that a span touches; start = end if it lies between words."""
    start = bisect_left(bounds, (span[0] + 1,))  # the first word that begins after it
    if start and bounds[start - 1][1] > span[0]:
        start -= 1
    return start, max(start, bisect_left(bounds, (span[1],)))


def _bare(pairing: Pairing, area: Area) -> bool:
    """Nothing but punctuation and symbols stands in the area of the source."""
    start, end = area
    return start < end and all(bits & PUNCTUATION for _, bits in pairing.source[start:end])


def _apart(spans: Sequence[Bounds]) -> list[list[int]] | None:
    """For each span those that it must not meet in the target, None if there is but one."""
    if len(spans) < 2:
        return None
    return [
        [m for m, other in enumerate(spans) if other[1] <= span[0] or span[1] <= other[0]]
        for span in spans
    ]


def _free(k: int, chosen: Sequence[Area | None], apart: list[list[int]] | None) -> Free:
    if apart is None:
        return _anywhere
    others = apart[k]

    def free(start: int, end: int) -> bool:
        for m in others:
            area = chosen[m]
            if area is not None and area[0] < end and start < area[1]:
                return False
        return True

    return free


def _anywhere(start: int, end: int) -> bool:  # noqa: ARG001
    return True


def _stretches(
    linked: Sequence[Linked], apart: list[list[int]] | None, rules: Rules
) -> list[Area | None]:
    """First choices where they do not meet, else one assignment over the sentence."""
    first = [first_choice(words, rules.mode, rules.gap) if words else None for words in linked]
    if apart is None or not _meet(first, apart):
        return first
    may = [[m not in others for m in range(len(linked))] for others in map(set, apart)]
    found = resolve(linked, may, rules.mode, rules.gap)
    return [(s.start, s.end) if s else None for s in found]


def _meet(first: Sequence[Area | None], apart: Sequence[Sequence[int]]) -> bool:
    for k, others in enumerate(apart):
        one = first[k]
        for m in others:
            other = first[m]
            if m < k and one and other and one[0] < other[1] and other[0] < one[1]:
                return True
    return False


def _outcomes(
    pairing: Pairing,
    areas: Sequence[Area],
    linked: Sequence[Linked],
    stretches: Sequence[Area | None],
    chosen: list[Area | None],
    apart: list[list[int]] | None,
    rules: Rules,
) -> list[Place | str]:
    out: list[Place | str] = []
    for k, words in enumerate(linked):
        final, stretch = chosen[k], stretches[k]
        if final is not None and stretch is not None:
            scores = [s for j, s in words.items() if stretch[0] <= j < stretch[1]]
            out.append((*final, sum(scores) / len(scores), False))
            continue
        copy = None
        if not words and "recovery" in rules.used:
            copy = _copied(pairing, areas[k], _free(k, chosen, apart))
        if copy is not None:
            chosen[k] = copy
            out.append((*copy, COPIED, True))
        else:
            out.append("overlap" if words else _reason(pairing, areas[k]))
    return out


def _copied(pairing: Pairing, area: Area, free: Free) -> Area | None:
    """The first free place where the target has the very words of the span."""
    start, end = area
    source, target = pairing.source, pairing.target
    while start < end and source[start][1] & PUNCTUATION:
        start += 1
    while start < end and source[end - 1][1] & PUNCTUATION:
        end -= 1
    wanted = [word for word, _ in source[start:end]]
    if all(bits & EMPTY for _, bits in source[start:end]):
        return None
    for place in range(len(target) - len(wanted) + 1):
        stop = place + len(wanted)
        if target[place][0] != wanted[0] or not free(place, stop):
            continue
        if [word for word, _ in target[place:stop]] == wanted:
            return place, stop
    return None


def _reason(pairing: Pairing, area: Area) -> str:
    return "punctuation_only" if any(i in pairing.forward for i in range(*area)) else "no_alignment"
