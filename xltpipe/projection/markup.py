"""Writing markers into a text and reading them back, whatever became of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from xltpipe.types import Bounds, Span

Style = Literal["letters", "xml", "brackets"]

PAIRS: Mapping[Style, tuple[tuple[str, str], ...]] = {
    "letters": tuple((f"[{c}]", f"[/{c}]") for c in "ABCDEFGH"),
    "xml": tuple((f"<{c}>", f"</{c}>") for c in "abcdefgh"),
    # EasyProject's pair first; the others serve texts that have brackets of their own
    "brackets": (("[", "]"), ("{", "}"), ("⟨", "⟩"), ("⟦", "⟧")),
}
"""Marker pairs by style. Letters and xml name the span; brackets are the same for all spans."""


def free_pairs(text: str, style: Style) -> list[tuple[str, str]]:
    """The pairs of which no part stands in the text already."""
    return [p for p in PAIRS[style] if p[0] not in text and p[1] not in text]


def wrap(text: str, spans: Sequence[Span], pairs: Sequence[tuple[str, str]]) -> str:
    """The text with each span between its pair, a space on the inside and outside of each."""
    # At one position: first the closings (inner first), then the openings (outer first).
    marks: list[tuple[int, int, int, str]] = []
    for span, (opening, closing) in zip(spans, pairs, strict=True):
        marks.append((span.start, 1, -span.end, f" {opening} "))
        marks.append((span.end, 0, -span.start, f" {closing} "))
    out, at = [], 0
    for position, _, _, mark in sorted(marks):
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
    """Take the markers out of a text and mend the spaces around them."""
    marks = {m for pair in pairs for m in pair}
    openings = {opening for opening, _ in pairs}
    out = Unwrapped()
    if not marks:
        return Unwrapped(marked)
    pieces = re.split(f"({'|'.join(map(re.escape, sorted(marks)))})", marked)
    for piece in pieces:
        if piece in openings:
            out.opened.setdefault(piece, []).append(len(out.text))
        elif piece in marks:
            out.text = out.text.rstrip(" ")
            out.closed.setdefault(piece, []).append(len(out.text))
        else:
            _append(out, piece, after_mark=bool(out.opened or out.closed))
    out.text = out.text.rstrip(" ")
    return out


def _append(out: Unwrapped, piece: str, *, after_mark: bool) -> None:
    """Add text after a marker: one space where a side had one or two words would be glued."""
    if after_mark and (not out.text or out.text.endswith(" ")):
        piece = piece.lstrip(" ")
    elif after_mark and piece and piece[0].isalnum() and out.text[-1].isalnum():
        piece = f" {piece}"
    out.text += piece


def bounds(text: str, start: int, end: int) -> Bounds | None:
    """A stretch without the white space at its edges; None if nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
