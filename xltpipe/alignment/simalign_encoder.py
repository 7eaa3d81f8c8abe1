"""Contextual embeddings of texts of any length, with the words that each piece lies in.

Texts that do not fit the model are read in windows that overlap by half; each piece is embedded
where it has most context. Nothing is cut off.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xltpipe.alignment.trellis import Floats
from xltpipe.errors import require
from xltpipe.types import Bounds, Words


@dataclass(frozen=True, slots=True)
class Embedded:
    """Pieces of a text that lie in a word: an embedding and the words of each, one per piece."""

    vectors: Floats
    owners: list[tuple[int, ...]]
    windows: int


@dataclass(frozen=True, slots=True)
class _Pieces:
    ids: list[int]
    owners: list[tuple[int, ...]]
    before: list[int]
    after: list[int]


@dataclass(frozen=True, slots=True)
class _Window:
    """Pieces `start` to `end` of a text, of which those from `first` to `last` are kept."""

    text: int
    start: int
    end: int
    first: int
    last: int


class Tokenizer(Protocol):
    is_fast: bool
    model_max_length: int
    pad_token_id: int | None

    def __call__(self, text: str, **settings: bool) -> dict[str, list[Any]]: ...


class Encoder:
    """Embeds texts with one layer of a model; `room` is the number of pieces of a window."""

    def __init__(
        self, model: Any, tokenizer: Tokenizer, layer: int, room: int, batch_size: int
    ) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._layer, self._batch_size = layer, batch_size
        self.room = room

    def embed(self, texts: Sequence[Words]) -> list[Embedded]:
        """One result per text, same order."""
        cut = [self._cut(words) for words in texts]
        windows = [w for text, pieces in enumerate(cut) for w in self._windows(text, pieces)]
        # alike lengths share a batch: little padding, and the longest comes first to fail early
        windows.sort(key=lambda w: (w.start - w.end, w.text, w.start))
        parts: list[dict[int, Floats]] = [{} for _ in cut]
        for at in range(0, len(windows), self._batch_size):
            batch = windows[at : at + self._batch_size]
            for window, vectors in zip(batch, self._run(batch, cut), strict=True):
                parts[window.text][window.first] = vectors
        return [_joined(found, pieces) for found, pieces in zip(parts, cut, strict=True)]

    def _cut(self, words: Words) -> _Pieces:
        """The pieces of the text as it stands, special ones apart, each with its words."""
        encoded = self._tokenizer(
            words.text,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            verbose=False,
        )
        special = encoded["special_tokens_mask"]
        real = [place for place, mark in enumerate(special) if not mark]
        first, last = (real[0], real[-1] + 1) if real else (len(special), len(special))
        ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
        return _Pieces(
            ids[first:last],
            [_inside(words.bounds, start, end) for start, end in offsets[first:last]],
            ids[:first],
            ids[last:],
        )

    def _windows(self, text: int, pieces: _Pieces) -> Iterator[_Window]:
        size = len(pieces.ids)
        room = self.room - len(pieces.before) - len(pieces.after)
        if not size:
            return
        if size <= room:
            yield _Window(text, 0, size, 0, size)
            return
        step = max(1, room // 2)
        starts = [*range(0, size - room, step), size - room]
        seams = [(one + room + other) // 2 for one, other in pairwise(starts)]
        edges = [0, *seams, size]
        for number, start in enumerate(starts):
            yield _Window(text, start, start + room, edges[number], edges[number + 1])

    def _run(self, batch: Sequence[_Window], cut: Sequence[_Pieces]) -> Iterator[Floats]:
        torch = require("torch", "train")
        rows = [
            [*cut[w.text].before, *cut[w.text].ids[w.start : w.end], *cut[w.text].after]
            for w in batch
        ]
        width = max(map(len, rows))
        filler = self._tokenizer.pad_token_id or 0
        device = self._model.device
        ids = torch.tensor([row + [filler] * (width - len(row)) for row in rows], device=device)
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        with torch.inference_mode():
            hidden = self._model(
                input_ids=ids, attention_mask=mask.to(device), output_hidden_states=True
            ).hidden_states[self._layer]
        found: Floats = hidden.float().cpu().numpy()
        for row, window in enumerate(batch):
            skip = len(cut[window.text].before) - window.start
            yield found[row, window.first + skip : window.last + skip].copy()


def _inside(bounds: Sequence[Bounds], start: int, end: int) -> tuple[int, ...]:
    """The words that share a character with a piece."""
    first = bisect_left(bounds, start, key=lambda one: one[1] - 1)
    out = []
    for word in range(first, len(bounds)):
        if bounds[word][0] >= end:
            break
        out.append(word)
    return tuple(out)


def _joined(parts: Mapping[int, Floats], pieces: _Pieces) -> Embedded:
    """The windows' parts in order, without pieces that lie in no word."""
    if not parts:
        return Embedded(np.zeros((0, 0), np.float32), [], 0)
    kept: NDArray[np.bool_] = np.array([bool(own) for own in pieces.owners], bool)
    vectors = np.concatenate([parts[first] for first in sorted(parts)])
    return Embedded(vectors[kept], [own for own in pieces.owners if own], len(parts))
