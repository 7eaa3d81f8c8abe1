"""FilterTagger: labels of a text, read with its translation beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch

from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.schemes import spans_from_tags
from xltpipe.training.filter_network import FilterNetwork
from xltpipe.training.filter_rows import Cutter, Row
from xltpipe.training.filter_teacher import Collator
from xltpipe.training.sentences import read_settings
from xltpipe.training.transformers_heads import Head, Opened
from xltpipe.training.windows import tags_at
from xltpipe.types import Example, Span, Unit

CHUNK = 256
"""Units whose windows are sorted by length together, and between two ticks."""


class FilterTagger:
    """A trained model of FILTER. Batches and threads do not change its labels.

    Raises:
        DataError: there is no model in `home`, or it cannot be read.
    """

    def __init__(self, home: Path, *, device: Literal["auto", "cpu"], batch_size: int) -> None:
        settings = read_settings(home, "filter")
        self._spans = settings["task"] == "spans"
        self._batch_size = batch_size
        head: Head = "TokenClassification" if self._spans else "SequenceClassification"
        opened = Opened(home, head, device)
        self._device = opened.device
        self._network = FilterNetwork(
            opened.model,
            local=settings["local_layers"],
            fused=settings["fusion_layers"],
            both=True,
            alpha=settings["alpha"],
            temperature=settings["temperature"],
        ).eval()
        self._cutter = Cutter(
            opened.tokenizer, int(settings["max_tokens"]), int(settings["overlap"])
        )
        self._collator = Collator(opened.tokenizer)
        self._labels: dict[int, str] = opened.model.config.id2label

    def predict(self, examples: Sequence[Example]) -> list[Example]:
        """Raise, unless there is nothing to predict: one side is not enough.

        Raises:
            RecipeError: there are examples.
        """
        if not examples:
            return []
        raise RecipeError(
            "Tagger of filter must have texts with their translations, was: one side alone; use it "
            "with a strategy that translates the test, or take another trainer"
        )

    def predict_units(self, units: Sequence[Unit]) -> list[Example]:
        """The targets, with predicted spans (on `Example.tokens` where given) or label."""
        out: list[Example] = []
        for start in range(0, len(units), CHUNK):
            batch = units[start : start + CHUNK]
            out += self._spanned(batch) if self._spans else self._labelled(batch)
            progress.tick("predict", len(batch))
        return out

    def _labelled(self, units: Sequence[Unit]) -> list[Example]:
        rows = [
            {"target": self._cutter.whole(u.target), "source": self._cutter.whole(u.source)}
            for u in units
        ]
        best = [self._labels[int(row.argmax())] for row in self._logits(rows)]
        return [replace(u.target, label=b) for u, b in zip(units, best, strict=True)]

    def _spanned(self, units: Sequence[Unit]) -> list[Example]:
        coupled = [
            (at, self._cutter.couple(unit, text))
            for at, unit in enumerate(units)
            for text in range(len(unit.target.texts))
        ]
        rows = [
            {"target": c.target.inputs[a], "source": c.source.inputs[b]}
            for _, c in coupled
            for a, b in c.couples
        ]
        logits = iter(self._logits(rows))
        spans: list[list[Span]] = [[] for _ in units]
        for at, one in coupled:
            best: dict[int, list[int]] = {}  # of each target window, in its first couple
            for a, _ in one.couples:
                best.setdefault(a, next(logits).argmax(-1).tolist())
            tags = tags_at(one.target.places, best, self._labels)
            found = spans_from_tags(tags, one.bounds, "bio")[0]
            spans[at] += [replace(span, text=one.text) for span in found]
        return [replace(u.target, spans=tuple(s)) for u, s in zip(units, spans, strict=True)]

    def _logits(self, rows: Sequence[Row]) -> list[torch.Tensor]:
        """The logits of each row's target, same order."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]["target"]["input_ids"]))
        out = [torch.empty(0)] * len(rows)
        for start in range(0, len(order), self._batch_size):
            chosen = order[start : start + self._batch_size]
            batch = self._collator([rows[i] for i in chosen])
            sides = [
                {k: v.to(self._device) for k, v in batch[side].items()}
                for side in ("target", "source")
            ]
            with torch.inference_mode():
                logits = self._network.logits(*sides)[0].cpu()
            for i, row in zip(chosen, logits, strict=True):
                out[i] = row
        return out
