"""Preparation: files of pairs to encoded, aligned pairs, one folder a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xltpipe import progress
from xltpipe.mt.vocabulary import Pieces
from xltpipe.types import Alignment, Words

Pair = tuple[str, str]


class Aligning(Protocol):
    def align(self, pairs: Sequence[tuple[Words, Words]]) -> list[Alignment]: ...


_WINDOW = 2000
NO_LINKS = np.empty((0, 2), np.uint8)


def words(ids: NDArray[np.uint16], pieces: Pieces) -> Words:
    """The words among pieces, as the aligner sees them."""
    starts = [*pieces.starts(ids).tolist(), len(ids)]
    text, bounds = "", []
    for start, end in pairwise(starts):
        word = "".join(pieces.names[i] for i in ids[start:end]).removeprefix("▁")
        at = len(text)
        text += word + " "
        bounds.append((at, at + len(word)))
    return Words(text, tuple(bounds))


def encode(
    pairs: Iterable[Pair], tokenise: Callable[[list[str]], list[list[int]]]
) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.uint16]]]:
    """Ids of both sides, in windows, same order."""
    stream = iter(pairs)
    while window := list(islice(stream, _WINDOW)):
        sides = tokenise([side for pair in window for side in pair])
        for place in range(0, len(sides), 2):
            yield np.array(sides[place], np.uint16), np.array(sides[place + 1], np.uint16)


def linked(
    encoded: Iterable[tuple[NDArray[np.uint16], NDArray[np.uint16]]],
    pieces: Pieces,
    aligner: Aligning | None,
    limit: int,
    tally: Counter[str],
) -> Iterator[tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.uint8]]]:
    """Rows to write: the first `limit` pairs with links between words, the others without.

    `limit` counts whole windows: up to 1,999 pairs more are aligned.

    Raises:
        Stopped: the run was asked to stop.
    """
    stream = iter(encoded)
    done = 0
    while window := list(islice(stream, _WINDOW)):
        progress.tick("encode", len(window))
        if aligner is None or done >= limit:
            yield from ((*pair, NO_LINKS) for pair in window)
            continue
        sides = [(words(one, pieces), words(other, pieces)) for one, other in window]
        for pair, (one, other), found in zip(window, sides, aligner.align(sides), strict=True):
            fits = max(len(one), len(other)) <= 250
            tally["aligned" if fits and found.links else "unaligned"] += 1
            yield (*pair, np.array(found.links, np.uint8).reshape(-1, 2) if fits else NO_LINKS)
        done += len(window)
