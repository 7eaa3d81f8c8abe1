"""Label schemes: BIO (IOB2), IO, IOB1 and BILOU (BIOES) tags <-> spans on token bounds.

The schemes are those of Ramshaw & Marcus (1995, IOB1) and Ratinov & Roth (2009, BILOU). All of
them are flat: a token has one tag, so spans that overlap or nest cannot all be written.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

from xltpipe.errors import DataError
from xltpipe.types import Bounds, Span

UNSPECIFIED = "_"
"""Instead of a tag where it is not known (CoNLL-U's sign): neither O nor any label."""

Scheme = Literal["bio", "io", "iob1", "bilou", "bioes"]
"""`bioes` is `bilou` with other letters (E for L, S for U); both letters are read in either."""

# Each prefix as one of four roles. M (middle) is how BMES files, common for Chinese, write I.
_ROLES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S"}
_ROLES_OF: dict[Scheme, str] = {
    "bio": "BI",
    "io": "I",
    "iob1": "BI",
    "bilou": "BIES",
    "bioes": "BIES",
}

Chunk = tuple[int, int, str]
"""Half-open token range and label."""


def is_tag(text: str) -> bool:
    """A tag of any scheme: `O`, or a known prefix, a hyphen and a label."""
    return text == "O" or (len(text) > 2 and text[1] == "-" and text[0] in _ROLES)


def spans_from_tags(
    tags: Sequence[str], bounds: Sequence[Bounds], scheme: Scheme, *, strict: bool = False
) -> tuple[list[Span], int]:
    """The spans that the tags of one sentence describe, ascending, and the number of repairs.

    `bounds` has one entry per tag. An invalid tag is read by the rule of conlleval (Tjong Kim
    Sang & Buchholz, 2000) and counted: inside or last (I, E, L) without an open span of its
    label begins a new span; a span that BILOU leaves unfinished ends before the next tag; a
    prefix of another scheme keeps its meaning; anything else is read as O.

    Raises:
        DataError: the lengths differ, or `strict` and a tag is invalid.
    """
    if len(tags) != len(bounds):
        raise DataError(f"Tags must be one per token, was: {len(tags)} for {len(bounds)} tokens")
    if tags.count("O") == len(tags):
        return [], 0
    chunks, faults = _read(tags, scheme)
    if faults and strict:
        raise DataError(_fault(tags, faults[0], scheme))
    return [Span(bounds[a][0], bounds[b - 1][1], label) for a, b, label in chunks], len(faults)


def first_fault(tags: Sequence[str], scheme: Scheme) -> tuple[int, str] | None:
    """The index of the first invalid tag and what is wrong; None where all are valid."""
    faults = _read(tags, scheme)[1]
    return (faults[0], _fault(tags, faults[0], scheme)) if faults else None


def _fault(tags: Sequence[str], at: int, scheme: Scheme) -> str:
    before = repr(tags[at - 1]) if at else "the start"
    return (
        f'Tags must be valid in scheme "{scheme}", was: {tags[at]!r} after {before}, token {at} '
        "of its sentence; strict = false repairs and counts such tags"
    )


def _read(tags: Sequence[str], scheme: Scheme) -> tuple[list[Chunk], list[int]]:
    chunks: list[Chunk] = []
    faults: list[int] = []
    known, closes = _ROLES_OF[scheme], "E" in _ROLES_OF[scheme]
    start, label = -1, ""  # the open span; start is -1 where none is open
    for at, tag in enumerate(tags):
        if start < 0 and tag == "O":  # most tags of most files
            continue
        role = _ROLES[tag[0]] if tag != "O" and is_tag(tag) else ""
        same = bool(role) and start >= 0 and tag[2:] == label
        faulty = tag != "O" if not role else role not in known
        faulty |= role in ("I", "E") and not same and scheme not in ("io", "iob1")
        faulty |= role == "B" and not same and scheme == "iob1"
        if start >= 0 and not (same and role in ("I", "E")):
            faulty |= closes
            chunks.append((start, at, label))
            start = -1
        if faulty:
            faults.append(at)
        if role and start < 0:
            start, label = at, tag[2:]
        if role in ("E", "S"):
            chunks.append((start, at + 1, label))
            start = -1
    if start >= 0:
        chunks.append((start, len(tags), label))
        if closes and faults[-1:] != [len(tags) - 1]:
            faults.append(len(tags) - 1)
    return chunks, faults


def tags_from_spans(
    spans: Sequence[Span], bounds: Sequence[Bounds], scheme: Scheme
) -> tuple[list[str], int]:
    """One tag per token for the spans of text 0, and the number of spans that were dropped.

    `bounds` ascend and do not overlap. A span whose ends lie inside a token is widened to the
    token. Of spans that share a token the longest (in characters) is kept, ties go to the
    first in the text. Dropped are the others, spans on no token, spans of other texts, and in
    IO a span that would merge with its neighbour: reading the tags gives the rest.
    """
    chunks = _flat(spans, bounds)
    tags = ["O"] * len(bounds)
    kept, before = 0, ""  # the tag before the chunk, as far as it decides how the chunk begins
    end = -1
    for first, last, label in chunks:
        touching = first == end and before == label
        kept += not (touching and scheme == "io")
        tags[first:last] = _write(last - first, label, scheme, touching=touching)
        end, before = last, label
    return tags, len(spans) - kept


def _flat(spans: Sequence[Span], bounds: Sequence[Bounds]) -> list[Chunk]:
    starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
    taken: set[int] = set()
    chunks: list[Chunk] = []
    for span in sorted(spans, key=lambda span: (span.start - span.end, span.start)):
        first, last = bisect_right(ends, span.start), bisect_left(starts, span.end)
        tokens = range(first, last)
        if span.text == 0 and tokens and taken.isdisjoint(tokens):
            taken.update(tokens)
            chunks.append((first, last, span.label))
    return sorted(chunks)


def _write(length: int, label: str, scheme: Scheme, *, touching: bool) -> list[str]:
    first, inside, last, single = {
        "bio": "BIIB",
        "io": "IIII",
        "iob1": "BIIB" if touching else "IIII",
        "bilou": "BILU",
        "bioes": "BIES",
    }[scheme]
    if length == 1:
        return [f"{single}-{label}"]
    return [f"{first}-{label}", *[f"{inside}-{label}"] * (length - 2), f"{last}-{label}"]
