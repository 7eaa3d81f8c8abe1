"""Spans of one text before and after: which stayed, moved, got another label, came or went."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from xltpipe.types import Example, Span

Kind = Literal["same", "relabelled", "moved", "removed", "added"]
CHANGES: tuple[Kind, ...] = ("added", "removed", "moved", "relabelled")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one span; `before` and `after` are places in the two lists of spans."""

    kind: Kind
    before: int | None
    after: int | None


def changes(before: Sequence[Span], after: Sequence[Span]) -> list[Change]:
    """Every span of both sides once, on one text.

    Same bounds and label: same. Same bounds: relabelled. Same label and shared characters: moved,
    the pairs that share most first. What is left was removed or added.
    """
    old, new = dict(enumerate(before)), dict(enumerate(after))
    found: list[Change] = []

    def take(kind: Kind, pairs: Iterable[tuple[int, int]]) -> None:
        for i, j in pairs:
            if i in old and j in new:
                found.append(Change(kind, i, j))
                del old[i], new[j]

    def where(fits: Callable[[Span, Span], bool]) -> list[tuple[int, int]]:
        return [(i, j) for i, a in old.items() for j, b in new.items() if fits(a, b)]

    take("same", where(lambda a, b: a == b))
    take("relabelled", where(lambda a, b: _place(a) == _place(b)))
    close = where(lambda a, b: a.label == b.label and _shared(a, b) > 0)
    take("moved", sorted(close, key=lambda pair: -_shared(before[pair[0]], after[pair[1]])))
    found += [Change("removed", i, None) for i in old]
    return found + [Change("added", None, j) for j in new]


def changes_of_texts(before: Example, after: Example) -> list[Change]:
    """As `changes`, where the texts differ: offsets say nothing, label and covered text do."""
    new = dict(enumerate(after.spans))
    found: list[Change] = []
    for i, span in enumerate(before.spans):
        words = _words(before, span)
        j = next((j for j, other in new.items() if _words(after, other) == words), None)
        found.append(Change("removed" if j is None else "same", i, j))
        new.pop(-1 if j is None else j, None)
    return found + [Change("added", None, j) for j in new]


def _words(example: Example, span: Span) -> tuple[int, str, str]:
    return span.text, span.label, example.covered(span)


def _place(span: Span) -> tuple[int, int, int]:
    return span.text, span.start, span.end


def _shared(a: Span, b: Span) -> int:
    """The number of characters that both cover."""
    return min(a.end, b.end) - max(a.start, b.start) if a.text == b.text else 0
