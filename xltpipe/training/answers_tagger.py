"""AnswersTagger: the best answer in a context, by its two ends (Devlin et al., 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from xltpipe import progress
from xltpipe.errors import DataError, require
from xltpipe.training.checkpoint import quiet
from xltpipe.training.self_distillation_answers import ANSWER, CONTEXT, Passage, passages
from xltpipe.training.sentences import read_settings
from xltpipe.types import Example, Span

CHUNK = 64
"""Examples whose windows are sorted by length together, and between two ticks."""


class AnswersTagger:
    """A trained model with a head for answers. Batches and threads do not change its answers.

    A model that learnt from questions without answer may give none.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(
        self, home: Path, kind: str, *, device: Literal["auto", "cpu"], batch_size: int
    ) -> None:
        settings = read_settings(home, kind)
        self._length, self._overlap = int(settings["max_tokens"]), int(settings["overlap"])
        self._longest = int(settings["max_answer_tokens"])
        self._may_be_none = bool(settings["unanswered"])
        self._batch_size = batch_size
        transformers = require("transformers", "train")
        try:
            with quiet():
                self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                    home, local_files_only=True, trust_remote_code=False
                )
                self._model = transformers.AutoModelForQuestionAnswering.from_pretrained(
                    home, local_files_only=True, trust_remote_code=False, use_safetensors=True
                )
        except (OSError, ValueError) as error:
            raise DataError(
                f"Model must be a folder that training wrote, was: {home} ({error}); "
                "train the model again"
            ) from error
        gpu = device == "auto" and torch.cuda.is_available()
        self._device = torch.device("cuda" if gpu else "cpu")
        self._model.to(self._device).eval()

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with one answer as their span, or none."""
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._answered(batch)
            progress.tick("predict", len(batch))
        return out

    def _answered(self, examples: Sequence[Example]) -> list[Example]:
        cut = [passages(self._tokenizer, e, self._length, self._overlap) for e in examples]
        logits = iter(self._logits([passage for windows in cut for passage in windows]))
        out: list[Example] = []
        for example, windows in zip(examples, cut, strict=True):
            found = [self._best(passage, *next(logits)) for passage in windows]
            nothing = min((none for *_, none in found), default=0.0)
            score, span, _ = max(found, key=lambda one: one[0], default=(0.0, None, 0.0))
            kept = span is not None and not (self._may_be_none and nothing >= score)
            out.append(replace(example, spans=(span,) if kept and span else ()))
        return out

    def _best(
        self, passage: Passage, start: Tensor, end: Tensor
    ) -> tuple[float, Span | None, float]:
        """The best answer of a window with its score, and the score of there being none."""
        none = float(start[passage.none] + end[passage.none])
        inside = [i for i, one in enumerate(passage.offsets) if one is not None and one[0] < one[1]]
        if not inside:
            return float("-inf"), None, none
        scores = start[inside][:, None] + end[inside][None, :]
        allowed = torch.ones_like(scores, dtype=torch.bool).triu().tril(self._longest - 1)
        place = int(scores.masked_fill(~allowed, float("-inf")).argmax())
        first, last = divmod(place, len(inside))
        begin, finish = passage.offsets[inside[first]], passage.offsets[inside[last]]
        if begin is None or finish is None:
            return float("-inf"), None, none
        span = Span(begin[0], finish[1], ANSWER, CONTEXT)
        return float(scores[first, last]), span, none

    def _logits(self, windows: Sequence[Passage]) -> list[tuple[Tensor, Tensor]]:
        """Of beginning and end, one pair a window, same order."""
        order = sorted(range(len(windows)), key=lambda i: len(windows[i].offsets))
        out = [(torch.empty(0), torch.empty(0))] * len(windows)
        for at in range(0, len(order), self._batch_size):
            chosen = order[at : at + self._batch_size]
            inputs = [windows[i].inputs for i in chosen]
            batch = self._tokenizer.pad(inputs, return_tensors="pt", padding_side="right")
            with torch.inference_mode():
                found = self._model(**batch.to(self._device))
            starts, ends = found.start_logits.float().cpu(), found.end_logits.float().cpu()
            for i, start, end in zip(chosen, starts, ends, strict=True):
                out[i] = (start, end)
        return out
