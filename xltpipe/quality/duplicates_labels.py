"""Labels as what contradictions are found by: a key of a row's class label and spans."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import pyarrow as pa

from xltpipe.quality.side import Side, plain

Placed = tuple[int, int, int, str]
"""A span: its text, start and end, and its label."""


def label_keys(side: Side, classes: pa.ChunkedArray) -> list[bytes]:
    """16 bytes per row, equal for equal labels: the row's class and its set of spans.

    Places of spans count in the text as it is compared: one space more in front of a name moves
    the name, and says nothing else of it.
    """
    placed = _placed(side)
    first = side.spans.first.tolist()
    return [
        _key([label, sorted(set(placed[first[row] : first[row + 1]]))])
        for row, label in enumerate(classes.to_pylist())
    ]


def _placed(side: Side) -> list[Placed]:
    """All spans of a side, with places in the text as it is compared."""
    spans = side.spans
    start, end = (edge - side.start[spans.text] for edge in (spans.start, spans.end))
    number = spans.text - side.first[spans.row]
    columns = [c.tolist() for c in (number, start, end, spans.label)]
    placed = [(n, s, e, spans.labels[of]) for n, s, e, of in zip(*columns, strict=True)]
    strings, compared = side.strings, side.plain
    other: dict[int, list[int]] = {}
    for k, text in enumerate(spans.text.tolist()):
        if strings[text] != compared[text]:
            other.setdefault(text, []).append(k)
    for text, members in other.items():
        at = _places(strings[text], {edge for k in members for edge in placed[k][1:3]})
        for k in members:
            n, s, e, label = placed[k]
            placed[k] = (n, at[s], at[e], label)
    return placed


def _places(text: str, edges: Collection[int]) -> dict[int, int]:
    """Of each place in a text the place in its plain form, in one go over the text."""
    out, whole = {}, len(plain(text))
    begin = length = 0
    spaced = False  # the text so far ends in white space
    for edge in sorted(edges):
        piece = plain(text[begin:edge])
        if begin < edge:
            length += len(piece) + int(bool(piece and length) and (spaced or text[begin].isspace()))
            spaced = text[edge - 1].isspace()
        out[edge] = min(length + int(spaced and length > 0), whole)
        begin = edge
    return out


def _key(labels: list[object]) -> bytes:
    # `repr` quotes whatever labels hold, lone surrogates too
    return hashlib.blake2b(repr(labels).encode(), digest_size=16).digest()
