"""Windows for a text-to-text model: ranges of whole words that overlap, so that none is cut off."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xltpipe.training.text_to_text_words import Speller
from xltpipe.types import Bounds


@dataclass(frozen=True, slots=True)
class Windows:
    """One text for a model: ranges of its words, and the pieces of each word in each range."""

    ranges: list[range]
    words: list[list[tuple[int, ...]]]
    counts: Counter[str]  # of words that could not be as they are, see `Speller.spell`


def cut(
    speller: Speller, text: str, bounds: Sequence[Bounds], length: int, overlap: int
) -> Windows:
    """Cut into windows whose inputs have at most `length` tokens; see `frames` for `overlap`."""
    room = length - speller.around
    words, counts = speller.spell(text, bounds, room - overlap)
    ranges = frames([len(word) for word in words], room, overlap)
    return Windows(ranges, [words[r.start : r.stop] for r in ranges], counts)


def frames(sizes: Sequence[int], length: int, overlap: int) -> list[range]:
    """Cut words of these sizes into ranges of at most `length` pieces that overlap.

    Neighbouring ranges share as many whole words as fit into `overlap` pieces. No size may be
    more than `length - overlap`, so that each range brings a new word.
    """
    out: list[range] = []
    start = end = 0
    while end < len(sizes):
        used = sum(sizes[start:end])
        while end < len(sizes) and used + sizes[end] <= length:
            used += sizes[end]
            end += 1
        out.append(range(start, end))
        start, shared = end, 0
        while start > 0 and shared + sizes[start - 1] <= overlap:
            start -= 1
            shared += sizes[start]
    return out


def owners(ranges: Sequence[range], count: int) -> list[int]:
    """The range that shows the most context on its shorter side, for each of `count` words."""
    best, out = [-1] * count, [0] * count
    for index, words in enumerate(ranges):
        for word in words:
            context = min(word - words.start, words.stop - 1 - word)
            if context > best[word]:
                best[word], out[word] = context, index
    return out
