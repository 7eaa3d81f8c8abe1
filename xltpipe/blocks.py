"""Blocks: rows cut into shards where their content says so, not by their place.

A row that is added or taken away then moves the edges of its own block and seldom of the next
ones; all others are what they were, and so is the work on them. This is content-defined chunking
(Muthitacharoen et al., 2001, LBFS; least and most sizes as in FastCDC, Xia et al., 2016).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from xltpipe.types import Example

BY_CONTENT = 256
"""Rows a block must be able to hold to be cut by content: there is little to save in smaller ones,
and whoever asks for them wants that many."""


def blocks(examples: Iterable[Example], most: int) -> Iterator[list[Example]]:
    """Lists of at most `most` rows; of at least half as many, but for the last one.

    Cuts come after rows whose hash is a multiple of a sixth of `most`: on average a block is two
    thirds full, and one in twenty has to be cut at `most`.
    """
    by_content = most >= BY_CONTENT
    block: list[Example] = []
    for example in examples:
        block.append(example)
        full = len(block) >= most
        if full or (by_content and len(block) >= most // 2 and _hash(example) % (most // 6) == 0):
            yield block
            block = []
    if block:
        yield block


def _hash(example: Example) -> int:
    text = "\0".join((example.id, *example.texts))
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest())
