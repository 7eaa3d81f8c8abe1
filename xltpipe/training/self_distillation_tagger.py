"""SelfDistillationTagger: the best answer in a context, by its two ends (Devlin et al., 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from xltpipe import progress
from xltpipe.training.answer_windows import AnswerWindow, ends
from xltpipe.training.answers import answered, best
from xltpipe.training.self_distillation_answers import passages
from xltpipe.training.sentences import read_settings
from xltpipe.training.transformers_heads import Opened
from xltpipe.types import Bounds, Example

CHUNK = 64
"""Examples whose windows are sorted by length together, and between two ticks."""


class SelfDistillationTagger:
    """A trained model with a head for answers. Batches and threads do not change its answers.

    A model that learnt from questions without answer may give none: where the likeliest "no
    answer" of a window is ahead of the best answer of all.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(
        self,
        home: Path,
        kind: str,
        *,
        device: Literal["auto", "cpu"],
        batch_size: int,
        n_best: int = 1,
    ) -> None:
        settings = read_settings(home, kind)
        self._length, self._overlap = int(settings["max_tokens"]), int(settings["overlap"])
        self._longest = int(settings["max_answer_tokens"])
        self._may_be_none = bool(settings["unanswered"])
        self._batch_size, self._count = batch_size, n_best
        self._opened = Opened(home, "QuestionAnswering", device)

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with their answers, best first, as spans, or none."""
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._answered(batch)
            progress.tick("predict", len(batch))
        return out

    def _answered(self, examples: Sequence[Example]) -> list[Example]:
        size = (self._length, self._overlap)
        windows = [passages(self._opened.tokenizer, e, *size) for e in examples]
        flat = [one for part in windows for one in part]
        logits = iter(ends(self._opened, flat, self._batch_size))
        out: list[Example] = []
        for example, part in zip(examples, windows, strict=True):
            found = [self._best(window, *next(logits)) for window in part]
            nothing = min((none for _, none in found), default=0.0)
            ranked = [one for some, _ in found for one in some]
            ahead = max((score for score, _ in ranked), default=0.0)
            none = self._may_be_none and nothing >= ahead
            out.append(answered(example, *([] if none else best(ranked, self._count))))
        return out

    def _best(
        self, window: AnswerWindow, start: Tensor, end: Tensor
    ) -> tuple[list[tuple[float, Bounds]], float]:
        """The best answers of a window with their scores, and the score of there being none."""
        none = float(start[window.none] + end[window.none])
        pairs = zip(window.places, window.bounds, strict=True)
        inside = [(i, bounds) for i, bounds in pairs if bounds[0] < bounds[1]]
        if not inside:
            return [], none
        places = [i for i, _ in inside]
        scores = start[places][:, None] + end[places][None, :]
        allowed = torch.ones_like(scores, dtype=torch.bool).triu().tril(self._longest - 1)
        flat = scores.masked_fill(~allowed, float("-inf")).flatten()
        count = min(self._count, int(allowed.sum()))
        # not topk, which does not say which of equal ones it takes
        places = flat.argsort(descending=True, stable=True)[:count].tolist()
        ends = [(float(flat[p]), divmod(p, len(inside))) for p in places]
        return [(s, (inside[i][1][0], inside[j][1][1])) for s, (i, j) in ends], none
