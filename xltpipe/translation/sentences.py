"""Sentences: where the sentences of a text begin and end, exactly, in any script.

Rules on final punctuation, the same for all languages. On news (NTREX) they find more sentence
ends than pysbd (Sadvilkar and Neumann, 2020) and fewer wrong ones, in a hundredth of its time
(benchmarks/sentences.py). What is marked stays whole: a sentence never ends between a marker and
its partner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

from xltpipe.types import Bounds

# Of the scripts that engines know. "." and its like end a sentence only before white space.
_ALWAYS = "。！？｡।॥۔؟።፧፨\u104b\u0f0d\u0f0e។៕៖᙮᠃᭟"
_SPACED = r".!?…‼⁇⁈⁉։՞՜"
# German closes with “ and «, French with a space before »
_CLOSERS = r"(?:[\"'”’»“«›\)\]\}）」』】》〉]|[\u0020\u00a0\u202f]»)"
# Titles and the like, before a name; what is missing here only makes a part longer or shorter.
_TITLES = (
    r"Mrs?|Ms|Messrs|Dr|Prof|Rev|Hon|St|Ste|Jr|Gen|Col|Capt|Lt|Sgt|Sen|Rep|Gov|No|Nr|vs|Inc|"
    r"Sra?s?|Srta|Da?|Dn|Dña|Ud|Uds|EE|Exc?mo|Exc?ma|Mme|Mlle|Mgr|Me|Hr|Fr|Dipl|Ing|Sig|Dott|Avv|"
    r"Bw|Bi|Dkt|Mh|Д-р|г|ул"
)
_END = regex.compile(
    # not where a Japanese sentence goes on after what it quotes
    rf"[{_ALWAYS}]+{_CLOSERS}*+(?!(?<=[」』])と)|"
    # not after an initial ("J. Smith"), a title, or an ordinal ("17. Mai"), and not before a small
    # letter ("etc. and so on")
    rf"(?<!(?:^|[\s.(])(?:\p{{Lu}}|{_TITLES}|\d\d?)(?=\.\s))[{_SPACED}]+{_CLOSERS}*"
    r"(?=\s+(?![\s\p{Ll}])|\s*$)"
)
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


def sentences(text: str) -> list[Bounds]:
    """Bounds of the sentences, ascending, without white space around them; none in a blank text.

    The end of a line ends a sentence.
    """
    ends = {place for line in _LINES.finditer(text) for place in _ends(text, line.span())}
    whole = marked(text)
    kept = sorted(end for end in ends if not inside(end, whole))
    return _between(text, [*kept, len(text)])


def lines(text: str) -> list[Bounds]:
    """Bounds of the lines that hold something, ascending, without white space around them.

    Lines with a marker and its partner at different ends of the break are one.
    """
    whole = marked(text)
    ends = [line.end() for line in _LINES.finditer(text)]
    return _between(text, [*(end for end in ends if not inside(end, whole)), len(text)])


def _ends(text: str, line: Bounds) -> Iterator[int]:
    start, end = line
    yield from (start + match.end() for match in _END.finditer(text[start:end]))
    yield end


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
