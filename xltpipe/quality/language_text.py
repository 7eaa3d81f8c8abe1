"""Texts as bytes for identifiers of languages: without spans, without what they cannot read."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np

from xltpipe.quality import signs
from xltpipe.quality.characters import ALONE, CASED, LETTER, MARK, UPPER, Codes
from xltpipe.quality.column import Mask
from xltpipe.quality.keys import Ints
from xltpipe.quality.side import Side
from xltpipe.quality.verbatim import LINK, rows_with_links

_SPACE = np.uint32(32)


@dataclass(frozen=True, slots=True)
class Texts:
    """UTF-8 of some rows: row r is data[start[r]:end[r]], a space between its texts."""

    data: bytes
    start: Ints
    end: Ints

    def __len__(self) -> int:
        return len(self.start)

    def at(self, rows: Ints) -> Texts:
        """Some of them."""
        return Texts(self.data, self.start[rows], self.end[rows])

    def strings(self) -> list[str]:
        return [self.data[a:b].decode() for a, b in zip(self.start, self.end, strict=True)]


def letters(side: Side) -> Ints:
    """Letters of each row outside spans and links; one that is a word by itself counts twice."""
    flags = side.flags
    letter = (flags & LETTER) > 0
    others = apart(side)
    if others is not None:
        letter &= ~others
    count = side.count(letter)
    alone = letter & ((flags & ALONE) > 0)
    return count + side.count(alone) if alone.any() else count


def outside_spans(side: Side) -> Texts:
    """All texts of each row with a space in place of each span and link: names fool identifiers.

    Composed (NFC), in small letters where all are capitals, and with a space in place of what
    CLD2 refuses: control characters, surrogates and code points that are no characters.
    """
    codes, keep = _readable(side), None
    inside = apart(side)
    if inside is not None:
        keep = ~inside
        keep[1:] |= ~inside[:-1]  # one space is left of a span
        keep[0] = True
        codes = np.where(inside, _SPACE, codes)
    # the line feed behind a row's last text is left out
    first, last = side.first[:-1], side.first[1:]
    edges = np.concatenate([side.start, [len(side.codes)]])
    start, end = edges[first], np.where(last > first, edges[last] - 1, edges[first])
    if keep is not None:
        place = np.concatenate([[0], np.cumsum(keep)])
        codes, start, end = codes[keep], place[start], place[end]
    return _encoded(codes, start, end, composed=not ((side.flags & MARK) > 0).any())


def apart(side: Side) -> Mask | None:
    """Characters of spans and links, which are in no language; None where there are neither."""
    rows = rows_with_links(side)
    if not len(rows):
        return side.inside if len(side.spans.row) else None
    out = side.inside.copy()
    first, last = side.first[:-1], side.first[1:]
    for row in np.unique(rows[first[rows] < last[rows]]).tolist():
        begin = int(side.start[first[row]])
        for link in LINK.finditer(signs.joined(side, row)):
            out[begin + link.start() : begin + link.end()] = True
    return out


def _readable(side: Side) -> Codes:
    """The code points with a space for each that identifiers do not read, capitals made small."""
    codes = np.where(_unreadable(side.codes), _SPACE, side.codes)
    cased = (side.flags & CASED) > 0
    upper = side.count((side.flags & UPPER) > 0)
    loud = (upper > 0) & (upper == side.count(cased))
    if loud.any():
        here = np.repeat(loud[side.row_of], np.diff([*side.start, len(codes)]))
        codes = np.where(here, side.lower, codes).astype(np.uint32)
    return codes


def _unreadable(codes: Codes) -> Mask:
    # controls, the line feed between texts among them
    out = (codes < 0x20) | ((codes >= 0x7F) & (codes < 0xA0))
    if int(codes.max(initial=0)) >= 0xD800:
        out |= (codes >= 0xD800) & (codes < 0xE000)
        out |= ((codes >= 0xFDD0) & (codes < 0xFDF0)) | ((codes & 0xFFFE) == 0xFFFE)
    return out


def _encoded(codes: Codes, start: Ints, end: Ints, *, composed: bool) -> Texts:
    text = codes.tobytes().decode("utf-32-le")
    if not composed and not unicodedata.is_normalized("NFC", text):
        pieces = [
            unicodedata.normalize("NFC", text[a:b]).encode()
            for a, b in zip(start, end, strict=True)
        ]
        edges = np.concatenate([[0], np.cumsum([len(piece) for piece in pieces])]).astype(np.int64)
        return Texts(b"".join(pieces), edges[:-1], edges[1:])
    sizes = np.ones(len(codes), np.int8)
    for edge in (0x80, 0x800, 0x10000):
        above = codes >= edge
        if not above.any():
            break
        sizes += above
    place = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    return Texts(text.encode(), place[start], place[end])
