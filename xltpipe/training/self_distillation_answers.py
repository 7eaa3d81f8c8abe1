"""Answers: question and context in windows, and where an answer begins and ends in its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe.training.windows import Inputs
from xltpipe.types import Bounds, Example, Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

QUESTION, CONTEXT = 0, 1
ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Passage:
    """A window: the whole question, and a part of the context.

    `offsets` are the bounds in the context of each token of it, None for other tokens; `none` is
    the token that stands for "no answer here", the first of the window.
    """

    inputs: Inputs
    offsets: tuple[Bounds | None, ...]
    none: int

    def place(self, span: Span) -> tuple[int, int]:
        """First and last token of an answer; twice `none` where it is not whole in here."""
        inside = [i for i, one in enumerate(self.offsets) if one is not None and one[0] < one[1]]
        bounds = [one for one in self.offsets if one is not None and one[0] < one[1]]
        if not bounds or span.start < bounds[0][0] or span.end > bounds[-1][1]:
            return self.none, self.none
        first = next(i for i, (_, end) in zip(inside, bounds, strict=True) if end > span.start)
        last = next(
            i
            for i, (start, _) in zip(reversed(inside), reversed(bounds), strict=True)
            if start < span.end
        )
        return (first, last) if first <= last else (self.none, self.none)


def passages(
    tokenizer: PreTrainedTokenizerFast, example: Example, length: int, overlap: int
) -> list[Passage]:
    """The windows of an example with a question and a context; none where it has no context.

    A question takes half a window at most; what is longer is cut off.
    """
    if len(example.texts) <= CONTEXT or not example.texts[CONTEXT].strip():
        return []
    special = tokenizer.num_special_tokens_to_add(pair=True)
    question, size = _shortened(tokenizer, example.texts[QUESTION], (length - special) // 2)
    encoded = tokenizer(
        [question],
        [example.texts[CONTEXT]],
        truncation="only_second",
        max_length=length,
        stride=min(overlap, (length - special - size) // 2),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    left_out = ("offset_mapping", "overflow_to_sample_mapping")
    names = [name for name in encoded if name not in left_out]
    return [
        Passage(
            {name: encoded[name][window] for name in names},
            tuple(
                tuple(bounds) if side == CONTEXT else None
                for bounds, side in zip(offsets, encoded.sequence_ids(window), strict=True)
            ),
            next(i for i, side in enumerate(encoded.sequence_ids(window)) if side is None),
        )
        for window, offsets in enumerate(encoded["offset_mapping"])
    ]


def _shortened(tokenizer: PreTrainedTokenizerFast, question: str, limit: int) -> tuple[str, int]:
    """The question within so many tokens, and how many it has."""
    encoded = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
    offsets: Sequence[Bounds] = encoded["offset_mapping"]
    if len(offsets) <= limit:
        return question, len(offsets)
    return question[: offsets[limit - 1][1]], limit


def gold(example: Example) -> Span | None:
    """The answer to learn: the first of those that the data gives."""
    answers = [s for s in example.spans if s.text == CONTEXT]
    return min(answers, key=lambda s: (s.start, s.end), default=None)
