"""Answer windows: a question beside parts of its context, and scores of an answer's two ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xltpipe.errors import require
from xltpipe.training.answers import CONTEXT
from xltpipe.training.windows import Inputs
from xltpipe.types import Bounds

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerFast

    from xltpipe.training.transformers_heads import Opened


@dataclass(frozen=True, slots=True)
class AnswerWindow:
    """What the model takes of a whole question and a part of the context.

    `offsets` are the bounds in the context of each token of it, None for other tokens; `none` is
    the first special token, which stands for "no answer here".
    """

    inputs: Inputs
    offsets: tuple[Bounds | None, ...]
    none: int

    @property
    def places(self) -> list[int]:
        """The tokens of the context."""
        return [place for place, bounds in enumerate(self.offsets) if bounds is not None]

    @property
    def bounds(self) -> list[Bounds]:
        """Those of the tokens of the context, same order as `places`."""
        return [bounds for bounds in self.offsets if bounds is not None]


def shortened(tokenizer: PreTrainedTokenizerFast, question: str, most: int) -> tuple[str, int]:
    """The question within so many tokens, and how many it has."""
    plain = {"add_special_tokens": False, "return_offsets_mapping": True, "verbose": False}
    offsets: Sequence[Bounds] = tokenizer(question, **plain)["offset_mapping"]
    if len(offsets) <= most:
        return question, len(offsets)
    return question[: offsets[most - 1][1]], most


def cut(
    tokenizer: PreTrainedTokenizerFast, question: str, context: str, length: int, stride: int
) -> list[AnswerWindow]:
    """The windows of at most `length` tokens, in order; neighbours share `stride` of the context.

    The question must leave room for more than that.
    """
    encoded = tokenizer(
        [question],
        [context],
        truncation="only_second",
        max_length=length,
        stride=stride,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    left_out = {"offset_mapping", "overflow_to_sample_mapping"}
    names = [name for name in encoded if name not in left_out]
    out = []
    for number, offsets in enumerate(encoded["offset_mapping"]):
        sides = encoded.sequence_ids(number)
        inside = (
            (bounds[0], bounds[1]) if side == CONTEXT else None
            for bounds, side in zip(offsets, sides, strict=True)
        )
        inputs = {name: encoded[name][number] for name in names}
        out.append(AnswerWindow(inputs, tuple(inside), sides.index(None)))
    return out


def ends(
    opened: Opened, windows: Sequence[AnswerWindow], batch_size: int
) -> list[tuple[Tensor, Tensor]]:
    """Scores of each token to be an answer's first and its last, one pair a window, same order.

    Padding follows the tokens, as `AnswerWindow` counts them.
    """
    torch = require("torch", "train")
    order = sorted(range(len(windows)), key=lambda i: len(windows[i].offsets))
    out = [(torch.empty(0), torch.empty(0))] * len(windows)
    for at in range(0, len(order), batch_size):
        chosen = order[at : at + batch_size]
        inputs = [windows[i].inputs for i in chosen]
        batch = opened.tokenizer.pad(inputs, return_tensors="pt", padding_side="right")
        with torch.inference_mode():
            found = opened.model(**batch.to(opened.device))
        starts, lasts = found.start_logits.float().cpu(), found.end_logits.float().cpu()
        for i, start, end in zip(chosen, starts, lasts, strict=True):
            out[i] = (start, end)
    return out
