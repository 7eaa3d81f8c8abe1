"""Sentences: where the sentences of a text begin and end, exactly, in any script.

pysbd (Sadvilkar and Neumann, 2020) where it has the language; else rules on final punctuation. What
is marked stays whole: a sentence never ends between a marker and its partner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import regex

from xltpipe.languages import Language
from xltpipe.types import Bounds

if TYPE_CHECKING:
    from pysbd import Segmenter

# Of the scripts that engines know. "." and its like end a sentence only before white space.
_ALWAYS = "。！？｡।॥۔؟።፧፨။៕៖᙮᠃᭟"
_SPACED = r".!?…‼⁇⁈⁉։՞՜"
_CLOSERS = r"\"'”’»›\)\]\}）」』】》〉"
_END = regex.compile(
    rf"[{_ALWAYS}]+[{_CLOSERS}]*|"
    # not after an initial ("J. Smith"), and not before a small letter ("etc. and so on")
    rf"(?<!(?:^|[\s.])\p{{Lu}})[{_SPACED}]+[{_CLOSERS}]*(?=\s+(?![\s\p{{Ll}}])|\s*$)"
)
_CLOSED = regex.compile(r"[”’»」』】》〉）]*")
_LINES = regex.compile(r"[^\r\n\u2028\u2029]+")
_PAIRED = tuple(
    regex.compile(pattern, regex.DOTALL)
    for pattern in (
        r"\[([A-Z])\].*?\[/\1\]",
        r"<([A-Za-z][\w:.-]*)(?:\s[^<>]*)?>.*?</\1>",
        *(r"\[[^\[\]]*\]", r"\{[^{}]*\}", r"⟨[^⟨⟩]*⟩", r"⟦[^⟦⟧]*⟧"),
    )
)
"""Markers of every style, and brackets that may be markers."""

_LONGEST = 20_000
"""Characters of one line that pysbd is given: its time grows faster than the text."""


def sentences(text: str, language: Language) -> list[Bounds]:
    """Bounds of the sentences, ascending, without white space around them; none in a blank text."""
    ends = {end for line in _lines(text) for end in _ends(text, line, language)}
    whole = marked(text)
    kept = sorted(end for end in ends if not inside(end, whole))
    return _between(text, [*kept, len(text)])


def marked(text: str) -> list[Bounds]:
    """Stretches from a marker to its partner, ascending; those that overlap are one."""
    found = sorted(
        match.span() for pattern in _PAIRED for match in pattern.finditer(text, overlapped=True)
    )
    merged: list[Bounds] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def inside(place: int, stretches: Sequence[Bounds]) -> bool:
    """A cut at this place would part one of the stretches."""
    return any(start < place < end for start, end in stretches)


def _lines(text: str) -> Iterator[Bounds]:
    return (match.span() for match in _LINES.finditer(text))


def _ends(text: str, line: Bounds, language: Language) -> list[int]:
    """Where sentences of one line end; its own end is one."""
    start, end = line
    segmenter = _segmenter(language.short) if end - start <= _LONGEST else None
    found = None if segmenter is None else _by_pysbd(text[start:end], segmenter)
    if found is None:
        found = [match.end() for match in _END.finditer(text[start:end])]
    # pysbd leaves the quotation mark that closes a sentence to the next one
    return [*(_CLOSED.match(text, start + place).end() for place in found), end]


def _by_pysbd(line: str, segmenter: Segmenter) -> list[int] | None:
    """Ends by pysbd; None where it gives text back that is not in the line."""
    out, at = [], 0
    for sentence in segmenter.segment(line):
        bare = sentence.strip()
        place = line.find(bare, at)
        # Something left out between two sentences would get lost, were its place not known.
        if place < 0 or line[at:place].strip():
            return None
        at = place + len(bare)
        out.append(at)
    return None if line[at:].strip() else out


@lru_cache(maxsize=32)
def _segmenter(short: str | None) -> Segmenter | None:
    import pysbd
    from pysbd.languages import LANGUAGE_CODES

    return pysbd.Segmenter(language=short, clean=False) if short in LANGUAGE_CODES else None


def _between(text: str, ends: Sequence[int]) -> list[Bounds]:
    """The stretches up to each end, bare of white space; blank ones are left out."""
    out: list[Bounds] = []
    at = 0
    for end in ends:
        found = bare(text, (at, end))
        if found is not None:
            out.append(found)
        at = end
    return out


def bare(text: str, bounds: Bounds) -> Bounds | None:
    """A stretch without the white space at its edges; None if there is nothing else."""
    start, end = bounds
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None
