"""Windows: a text of any length as overlapping token windows, and where each word begins.

A word's label sits on its first sub-token (Devlin et al., 2019). Of the windows that hold this
token, the one that shows the most context on its shorter side is taken, so that every word is
learnt and predicted exactly once and none is cut off.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe.types import Bounds

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

Inputs = dict[str, list[int]]
"""What a model takes of one window: input_ids, attention_mask, perhaps token_type_ids."""
Place = tuple[int, int]
"""(window, token) of a word's first sub-token."""

_NOT_INPUTS = ("offset_mapping", "overflow_to_sample_mapping")


@dataclass(frozen=True, slots=True)
class Windows:
    """One text for a model: `places` has one entry per word, same order.

    A place is None where the tokenizer leaves nothing of a word; words that share their first
    sub-token with the word before have the same place.
    """

    inputs: tuple[Inputs, ...]
    places: tuple[Place | None, ...]

    @property
    def hidden(self) -> int:
        """Words without a sub-token of their own: they are not learnt."""
        own = {place for place in self.places if place is not None}
        return len(self.places) - len(own)


def tags_at(
    places: Sequence[Place | None],
    best: Mapping[int, Sequence[int]] | Sequence[Sequence[int]],
    labels: Mapping[int, str],
) -> list[str]:
    """The tag of each word, by the best label of each token of each window; O without a token."""
    tags: list[str] = []
    before = None
    for place in places:
        tag = "O" if place is None else labels[best[place[0]][place[1]]]
        if place is not None and place == before and tag != "O":
            tag = f"I-{tag[2:]}"  # on the same sub-token as the word before: one span
        tags.append(tag)
        before = place
    return tags


def cut(
    tokenizer: PreTrainedTokenizerFast,
    text: str,
    bounds: Sequence[Bounds],
    length: int,
    overlap: int,
) -> Windows:
    """Tokenise into windows of at most `length` tokens that share `overlap` tokens."""
    encoded = tokenizer(
        [text],
        truncation=True,
        max_length=length,
        stride=overlap,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    offsets: list[list[Bounds]] = encoded["offset_mapping"]
    names = [name for name in encoded if name not in _NOT_INPUTS]
    inputs = tuple({name: encoded[name][w] for name in names} for w in range(len(offsets)))
    return Windows(inputs, tuple(_places(offsets, bounds)))


def _places(offsets: Sequence[Sequence[Bounds]], bounds: Sequence[Bounds]) -> list[Place | None]:
    starts, ends = [start for start, _ in bounds], [end for _, end in bounds]
    places: list[Place | None] = [None] * len(bounds)
    contexts = [-1] * len(bounds)  # tokens on the shorter side of the place taken so far
    for window, tokens in enumerate(offsets):
        seen = 0  # words before this one have their first token of this window
        for at, (start, end) in enumerate(tokens):
            if end <= start:  # a special token covers nothing
                continue
            context = min(at, len(tokens) - 1 - at)
            last = bisect_left(starts, end)
            for word in range(max(seen, bisect_right(ends, start)), last):
                if context > contexts[word]:
                    places[word], contexts[word] = (window, at), context
            seen = max(seen, last)
    return places
