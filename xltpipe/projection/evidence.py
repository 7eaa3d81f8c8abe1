"""Evidence: which target words speak for a span, once misleading links are set aside.

What misleads, and what each rule is worth, was found on training data (docs/findings.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.projection.pairing import Area, Pairing
from xltpipe.projection.rules import Rules
from xltpipe.projection.traits import (
    ALPHABETIC,
    CAPITAL,
    DIGITS,
    EMPTY,
    FUNCTION,
    PUNCTUATION,
    SMALL,
    UNSPACED,
)

COPIED = 0.5
"""Score of a link, or of a span, that rests on equal strings alone."""

SHORTEST_COPY = 3
"""Characters of a word that is believed to stand for itself without a link."""

Links = list[tuple[int, float]]


def mend(pairing: Pairing, areas: Sequence[Area], rules: Rules) -> None:
    """Link numbers, and words that have no link, to their equals on the other side."""
    numbers, copies = "numbers" in rules.used, "copies" in rules.used
    for start, end in areas:
        for i in range(start, end):
            word, bits = pairing.source[i]
            if bits & DIGITS:
                if numbers:
                    _link_number(pairing, i, word)
            elif copies and i not in pairing.forward and not bits & (EMPTY | UNSPACED):
                _link_copy(pairing, i, word)


def _link_number(pairing: Pairing, i: int, number: str) -> None:
    """To the number at the same turn, if both texts have it equally often."""
    if any(pairing.target[j][0] == number for j, _ in pairing.forward.get(i, ())):
        return
    here = [k for k, (word, _) in enumerate(pairing.source) if word == number]
    there = [k for k, (word, _) in enumerate(pairing.target) if word == number]
    if len(here) == len(there):
        pairing.relink(i, [(there[here.index(i)], COPIED)])


def _link_copy(pairing: Pairing, i: int, name: str) -> None:
    """To the only free word that is equal."""
    if len(name) < SHORTEST_COPY:
        return
    found = [
        j
        for j, (word, _) in enumerate(pairing.target)
        if word == name and j not in pairing.backward
    ]
    if len(found) == 1:
        pairing.relink(i, [(found[0], COPIED)])


def evidence(pairing: Pairing, area: Area, rules: Rules, *, clause: bool) -> dict[int, float]:
    """The target words that stand for the source words of an area, each with its best score.

    Punctuation is never evidence (`symbols` is for spans of nothing else). In a clause function
    words are.
    """
    target = pairing.target
    found: dict[int, float] = {}
    functional = False
    for i in range(*area):
        links = pairing.forward.get(i)
        if not links:
            continue
        links = [link for link in links if not target[link[0]][1] & PUNCTUATION]
        if len(links) > 1:
            links = _believed(pairing, i, links, area, rules)
        for j, score in links:
            if score > found.get(j, -1.0):
                found[j] = score
                functional |= bool(target[j][1] & FUNCTION)
    if functional and not clause and "function_words" in rules.used:
        found = _without_strays(pairing, area, found)
    if rules.capital_nouns and len(found) > 1 and "capitals" in rules.used:
        found = _without_verbs(pairing, area, found)
    return found


def symbols(pairing: Pairing, area: Area) -> dict[int, float]:
    """The target words that stand for a span without a letter or digit: a flag, "...", "$".

    Its equals, else words, else whatever it is linked to, each with its best score.
    """
    source, target = pairing.source, pairing.target
    links = [(i, j, score) for i in range(*area) for j, score in pairing.forward.get(i, ())]
    equal = [link for link in links if source[link[0]][0] == target[link[1]][0]]
    words = [link for link in links if not target[link[1]][1] & PUNCTUATION]
    found: dict[int, float] = {}
    for _, j, score in equal or words or links:
        found[j] = max(score, found.get(j, 0.0))
    return found


def _believed(pairing: Pairing, i: int, links: Links, area: Area, rules: Rules) -> Links:
    """Of several links of a word: those to its equals if any, and of these one group."""
    word, bits = pairing.source[i]
    if "identity" in rules.used and not bits & EMPTY:
        links = [link for link in links if pairing.target[link[0]][0] == word] or links
    if len(links) == 1 or "groups" not in rules.used:
        return links
    groups = _groups(pairing, sorted(links), area)
    return groups[0] if len(groups) == 1 else _nearest(pairing, i, groups, area)


def _groups(pairing: Pairing, links: Links, area: Area) -> list[Links]:
    """Links cut where a word stands between that neither joins nor belongs to the span."""
    groups = [[links[0]]]
    for link in links[1:]:
        between = range(groups[-1][-1][0] + 1, link[0])
        if all(_neutral(pairing, j, area) for j in between):
            groups[-1].append(link)
        else:
            groups.append([link])
    return groups


def _neutral(pairing: Pairing, j: int, area: Area) -> bool:
    bits = pairing.target[j][1]
    if bits & FUNCTION or pairing.touches(j, area):
        return True
    return bool(bits & UNSPACED) and j not in pairing.backward


def _nearest(pairing: Pairing, i: int, groups: list[Links], area: Area) -> Links:
    """The group with content, with words of its own, near the rest of the span, and so on."""
    target, size = pairing.target, len(pairing.source)
    rest = [
        j
        for other in range(*area)
        if other != i
        for j, _ in pairing.forward.get(other, ())
        if not target[j][1] & PUNCTUATION
    ]

    def order(group: Links) -> tuple[bool, int, int, float, float]:
        return (
            all(target[j][1] & EMPTY for j, _ in group),
            -sum(pairing.within(j, area) for j, _ in group),
            min((abs(j - other) for j, _ in group for other in rest), default=0),
            -sum(score for _, score in group),
            abs(group[0][0] / len(target) - i / size),
        )

    return min(groups, key=order)


def _without_strays(pairing: Pairing, area: Area, found: dict[int, float]) -> dict[int, float]:
    """Without function words that content words were linked to for want of anything better."""
    source, target = pairing.source, pairing.target
    start, end = area
    own = {word for word, _ in source[start:end]}

    def stray(j: int) -> bool:
        word, bits = target[j]
        return (
            bool(bits & FUNCTION)
            and word not in own
            and not any(source[i][1] & EMPTY for i in pairing.backward[j] if start <= i < end)
        )

    kept = {j: score for j, score in found.items() if not stray(j)}
    return kept or found


def _without_verbs(pairing: Pairing, area: Area, found: dict[int, float]) -> dict[int, float]:
    """For a name, without small words at the end: the verbs of the clause around it."""
    source, target = pairing.source, pairing.target
    words = source[area[0] : area[1]]
    if any(bits & SMALL and not bits & EMPTY for _, bits in words):
        return found
    own = {word for word, _ in words}
    kept = dict(found)
    while len(kept) > 1 and any(target[j][1] & CAPITAL for j in kept):
        last = max(kept)
        word, bits = target[last]
        if not bits & SMALL or bits & EMPTY or not bits & ALPHABETIC or word in own:
            break
        del kept[last]
    return kept
