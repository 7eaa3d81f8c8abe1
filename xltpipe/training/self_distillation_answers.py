"""Answers for self-distillation: windows, and where an answer begins and ends in their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xltpipe.training.answer_windows import AnswerWindow, cut, shortened
from xltpipe.training.answers import CONTEXT, QUESTION
from xltpipe.types import Example, Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def place(window: AnswerWindow, span: Span) -> tuple[int, int]:
    """First and last token of an answer; twice `none` where it is not whole in the window."""
    pairs = zip(window.places, window.bounds, strict=True)
    inside = [(i, bounds) for i, bounds in pairs if bounds[0] < bounds[1]]
    if not inside or span.start < inside[0][1][0] or span.end > inside[-1][1][1]:
        return window.none, window.none
    first = next(i for i, (_, end) in inside if end > span.start)
    last = next(i for i, (start, _) in reversed(inside) if start < span.end)
    return (first, last) if first <= last else (window.none, window.none)


def passages(
    tokenizer: PreTrainedTokenizerFast, example: Example, length: int, overlap: int
) -> list[AnswerWindow]:
    """The windows of an example with a question and a context; none where it has no context.

    A question takes half a window at most; what is longer is cut off.
    """
    if len(example.texts) <= CONTEXT or not example.texts[CONTEXT].strip():
        return []
    special = tokenizer.num_special_tokens_to_add(pair=True)
    question, size = shortened(tokenizer, example.texts[QUESTION], (length - special) // 2)
    stride = min(overlap, (length - special - size) // 2)
    return cut(tokenizer, question, example.texts[CONTEXT], length, stride)


def gold(example: Example) -> Span | None:
    """The answer to learn: the first of those that the data gives."""
    answers = [s for s in example.spans if s.text == CONTEXT]
    return min(answers, key=lambda s: (s.start, s.end), default=None)
