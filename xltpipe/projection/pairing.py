"""Pairing: two texts as words, and the links between them, ready to be asked by the rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from xltpipe.projection.traits import Trait, Traits
from xltpipe.types import Words

Link = tuple[int, int, float]
"""Source word, target word, score."""

Area = tuple[int, int]
"""Words start..end, half-open."""

Free = Callable[[int, int], bool]
"""Whether a stretch of target words meets no other span that it must not meet."""


class Pairing:
    """One text and its translation; `forward` and `backward` are the links from either side."""

    __slots__ = (
        "backward",
        "forward",
        "source",
        "source_text",
        "source_words",
        "target",
        "target_text",
        "target_words",
    )

    def __init__(
        self,
        source: Words,
        target: Words,
        links: Iterable[Link],
        traits: tuple[Traits, Traits],
    ) -> None:
        self.source_text, self.source_words = source.text, source.bounds
        self.target_text, self.target_words = target.text, target.bounds
        ours, theirs = traits
        text = source.text
        self.source: list[Trait] = [ours[text[start:end]] for start, end in source.bounds]
        text = target.text
        self.target: list[Trait] = [theirs[text[start:end]] for start, end in target.bounds]
        self.forward: dict[int, list[tuple[int, float]]] = {}
        self.backward: dict[int, list[int]] = {}
        # a third faster than with setdefault
        forward, backward = self.forward, self.backward
        for i, j, score in links:
            if i in forward:
                forward[i].append((j, score))
            else:
                forward[i] = [(j, score)]
            if j in backward:
                backward[j].append(i)
            else:
                backward[j] = [i]

    def within(self, j: int, area: Area) -> bool:
        """No source word outside the area is linked to target word `j`."""
        start, end = area
        return all(start <= i < end for i in self.backward.get(j, ()))

    def touches(self, j: int, area: Area) -> bool:
        """A source word of the area is linked to target word `j`."""
        start, end = area
        return any(start <= i < end for i in self.backward.get(j, ()))

    def relink(self, i: int, links: list[tuple[int, float]]) -> None:
        """Give source word `i` these links instead of its own."""
        for j, _ in self.forward.pop(i, ()):
            left = [other for other in self.backward[j] if other != i]
            if left:
                self.backward[j] = left
            else:
                del self.backward[j]
        if links:
            self.forward[i] = links
        for j, _ in links:
            self.backward.setdefault(j, []).append(i)
