"""Writing markers into a text and reading them back, whatever became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import regex

from xltpipe.text import CLOSING, OPENING, UNSPACED
from xltpipe.types import Bounds, Span

Style = Literal["letters", "xml", "brackets"]

PAIRS: Mapping[Style, tuple[tuple[str, str], ...]] = {
    "letters": tuple((f"[{c}]", f"[/{c}]") for c in "ABCDEFGH"),
    "xml": tuple((f"<{c}>", f"</{c}>") for c in "abcdefgh"),
    # EasyProject's pair first; the others serve texts that have brackets of their own
    "brackets": (("[", "]"), ("{", "}"), ("⟨", "⟩"), ("⟦", "⟧")),
}
"""Marker pairs by style. Letters and xml name the span; brackets are the same for all spans."""

LOOKALIKES: Mapping[str, str] = {
    "[": "【《［〔",
    "]": "】》］〕",
    "{": "｛",
    "}": "｝",
    "⟨": "〈",
    "⟩": "〉",
    "⟦": "〚",
    "⟧": "〛",
}
"""What engines make of brackets, above all in Chinese and Japanese."""

_JOINING = frozenset("'’-/")  # with a letter on its other side: "l'", "-based"
# Scripts that write without spaces, and their punctuation.
_UNSPACED = regex.compile(rf"[{UNSPACED}\u3000-\u303f\uff01-\uff65]")


def free_pairs(text: str, style: Style) -> list[tuple[str, str]]:
    """The pairs of which no part stands in the text already."""
    return [p for p in PAIRS[style] if p[0] not in text and p[1] not in text]


def wrap(text: str, spans: Sequence[Span], pairs: Sequence[tuple[str, str]]) -> str:
    """The text with each span between its pair, a space on the inside and outside of each."""
    # At one position: first the closings (inner first), then the openings (outer first); of two
    # spans in one place the first is the outer one.
    marks: list[tuple[int, int, int, int, str]] = []
    for n, (span, (opening, closing)) in enumerate(zip(spans, pairs, strict=True)):
        marks.append((span.start, 1, -span.end, n, f" {opening} "))
        marks.append((span.end, 0, -span.start, -n, f" {closing} "))
    out, at = [], 0
    for position, *_, mark in sorted(marks):
        out += [text[at:position], mark]
        at = position
    return re.sub(r"  +", " ", "".join([*out, text[at:]])).strip()


@dataclass
class Unwrapped:
    """A text without its markers; `opened` and `closed` say where each marker stood in it."""

    text: str = ""
    opened: dict[str, list[int]] = field(default_factory=dict)
    closed: dict[str, list[int]] = field(default_factory=dict)


def unwrap(marked: str, pairs: Sequence[tuple[str, str]]) -> Unwrapped:
    """Take the markers out of a text and mend the spaces around them.

    A marker's place may have white space next to it: `bounds` trims the stretch between two.
    """
    if not pairs:
        return Unwrapped(marked)
    openings = {opening for opening, _ in pairs}
    marks = sorted({mark for pair in pairs for mark in pair})
    out, spaced = Unwrapped(), False
    for piece in re.split(f"({'|'.join(map(re.escape, marks))})", marked):
        if piece in marks:
            places = out.opened if piece in openings else out.closed
            places.setdefault(piece, []).append(len(out.text))
            continue
        words = piece.strip(" ")
        if not words:
            spaced = spaced or bool(piece)
            continue
        if out.text:
            out.text += _between(out.text, words, spaced=spaced or piece[0] == " ")
        out.text += words
        spaced = piece[-1] == " "
    return out


def normalise(marked: str, pair: tuple[str, str], source: str) -> str:
    """Look-alikes that engines write for brackets turned back, doubled brackets made single.

    As EasyProject does, but a character that the source holds is the text's own.
    """
    for mark in pair:
        for other in LOOKALIKES.get(mark, ""):
            if other not in source:
                marked = marked.replace(other, mark)
        marked = re.sub(rf"({re.escape(mark)})(?: ?{re.escape(mark)})+", r"\1", marked)
    return marked


def _between(before: str, after: str, *, spaced: bool) -> str:
    """What to put where a marker stood: wrapping set spaces there that the text did not have."""
    left, right = before[-1], after[0]
    unspaced = [bool(_UNSPACED.match(side)) for side in (left, right)]
    if not spaced:
        return " " if left.isalnum() and right.isalnum() and not any(unspaced) else ""
    joined = (left in _JOINING and before[-2:-1].isalpha()) or (
        right in _JOINING and after[1:2].isalpha()
    )
    glued = joined or all(unspaced) or right in CLOSING or left in OPENING
    return "" if glued else " "


def bounds(text: str, start: int, end: int) -> Bounds | None:
    """A stretch without the white space at its edges; None if nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
