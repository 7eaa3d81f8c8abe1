"""TransformersTagger: the best tag of each word, read off its first sub-token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from xltpipe import progress
from xltpipe.errors import require
from xltpipe.schemes import spans_from_tags
from xltpipe.training.sentences import read_settings, word_bounds
from xltpipe.training.transformers_heads import Opened
from xltpipe.training.windows import Inputs, Windows, cut, tags_at
from xltpipe.types import Bounds, Example, Span

CHUNK = 256
"""Examples whose windows are sorted by length together, and between two ticks."""

Text = tuple[int, int, tuple[Bounds, ...], Windows]
"""(example, text, words, windows) of one text with a word."""


class TransformersTagger:
    """A trained model of transformers. Batches and threads do not change its labels.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(self, home: Path, *, device: Literal["auto", "cpu"], batch_size: int) -> None:
        settings = read_settings(home, "transformers")
        self._length, self._overlap = int(settings["max_tokens"]), int(settings["overlap"])
        self._batch_size = batch_size
        opened = Opened(home, "TokenClassification", device)
        self._tokenizer, self._model, self._device = opened.tokenizer, opened.model, opened.device
        self._labels: dict[int, str] = self._model.config.id2label

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """The examples with predicted spans, on `Example.tokens` where given."""
        out: list[Example] = []
        for start in range(0, len(examples), CHUNK):
            batch = examples[start : start + CHUNK]
            out += self._tag(batch)
            progress.tick("predict", len(batch))
        return out

    def _tag(self, examples: Sequence[Example]) -> list[Example]:
        texts: list[Text] = []
        for row, example in enumerate(examples):
            for index, text in enumerate(example.texts):
                if bounds := word_bounds(example, index):
                    windows = cut(self._tokenizer, text, bounds, self._length, self._overlap)
                    texts.append((row, index, bounds, windows))
        best = iter(self._best([inputs for *_, w in texts for inputs in w.inputs]))
        spans: list[list[Span]] = [[] for _ in examples]
        for row, index, bounds, windows in texts:
            tags = tags_at(windows.places, [next(best) for _ in windows.inputs], self._labels)
            found = spans_from_tags(tags, bounds, "bio")[0]
            spans[row] += [replace(span, text=index) for span in found]
        return [replace(e, spans=tuple(s)) for e, s in zip(examples, spans, strict=True)]

    def _best(self, inputs: Sequence[Inputs]) -> list[list[int]]:
        """The best label of each token of each window, same order."""
        torch = require("torch", "train")
        order = sorted(range(len(inputs)), key=lambda i: len(inputs[i]["input_ids"]))
        out: list[list[int]] = [[]] * len(inputs)
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            batch: Any = self._tokenizer.pad([inputs[i] for i in rows], return_tensors="pt")
            with torch.inference_mode():
                logits = self._model(**batch.to(self._device)).logits
            for i, labels in zip(rows, logits.argmax(-1).tolist(), strict=True):
                out[i] = labels
        return out
