"""A sentence encoder at work: texts as unit vectors, and their cosine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xltpipe import progress
from xltpipe.alignment import simalign_model
from xltpipe.errors import RecipeError, require
from xltpipe.quality.embedding import Pooling
from xltpipe.quality.text_pairs import Reading, Texts
from xltpipe.training import checkpoint

Vectors = NDArray[np.float32]

_DIGITS = 4
"""Digits of a cosine that do not depend on how far a batch was padded."""

_lock = threading.Lock()


class Encoder:
    """Embeds texts; `room` is the most tokens of one, special ones included."""

    def __init__(self, model: Any, tokenizer: Any, pooling: Pooling, room: int) -> None:
        self._model, self._tokenizer, self._pooling = model, tokenizer, pooling
        self.room = room

    def cut(self, texts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """The tokens of each text as far as there is room, and whether there was not enough."""
        if not texts:
            return [], []
        rows = self._tokenizer(list(texts), verbose=False)["input_ids"]
        long = [len(row) > self.room for row in rows]
        for place in np.flatnonzero(long).tolist():  # again, so that the last token is the model's
            cut = self._tokenizer(texts[place], truncation=True, max_length=self.room)
            rows[place] = cut["input_ids"]
        return rows, long

    def embed(self, rows: Sequence[list[int]]) -> Vectors:
        """One unit vector per row of tokens."""
        torch = require("torch", "train")
        width = max(map(len, rows))
        filler = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [filler] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
        device = self._model.device
        with torch.inference_mode():
            out = self._model(input_ids=ids.to(device), attention_mask=mask.to(device))
            pooled = self._pooled(out, mask.to(device)).float()
            found: Vectors = torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy()
        return found

    def _pooled(self, out: Any, mask: Any) -> Any:
        if self._pooling == "pooler":
            return out.pooler_output
        if self._pooling == "cls":
            return out.last_hidden_state[:, 0]
        weight = mask.unsqueeze(-1).to(out.last_hidden_state.dtype)
        return (out.last_hidden_state * weight).sum(1) / weight.sum(1)


class Cosine:
    """Compares the embeddings of source and target; each text is embedded once."""

    def __init__(self, encoder: Encoder, prefix: str, batch_size: int) -> None:
        self._encoder, self._prefix, self._batch_size = encoder, prefix, batch_size

    def read(self, pairs: Sequence[Texts]) -> list[Reading]:
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        place = {text: number for number, text in enumerate(texts)}
        rows, cut = self._encoder.cut([self._prefix + text for text in texts])
        vectors = self._embed(rows)
        out = []
        for source, target in pairs:
            one, other = place[source], place[target]
            cosine = float(np.clip(vectors[one] @ vectors[other], -1.0, 1.0))
            out.append(Reading(round(cosine, _DIGITS), cut=cut[one] or cut[other]))
        return out

    def _embed(self, rows: Sequence[list[int]]) -> Vectors:
        """Alike lengths share a batch, which pads little; the longest come first to fail early."""
        order = sorted(range(len(rows)), key=lambda k: (-len(rows[k]), k))
        parts = []
        for start in range(0, len(order), self._batch_size):
            batch = order[start : start + self._batch_size]
            parts.append(self._encoder.embed([rows[k] for k in batch]))
            progress.tick("score", 0)  # a run can be stopped between two batches
        vectors = np.concatenate(parts)
        out = np.empty_like(vectors)
        out[order] = vectors
        return out


def load(
    name: str, revision: str, pooling: Pooling, max_tokens: int | None, device: str
) -> Encoder:
    """The encoder, opened once per process.

    Raises:
        RecipeError: it cannot be had, has no pooling layer, or takes fewer tokens.
    """
    with _lock:  # lru_cache alone lets two threads load the model at once
        return _load(name, revision, pooling, max_tokens, device)


@lru_cache(maxsize=2)
def _load(
    name: str, revision: str, pooling: Pooling, max_tokens: int | None, device: str
) -> Encoder:
    model, tokenizer = checkpoint.load_as("AutoModel", name, revision, {}, 1)
    if model.config.is_encoder_decoder:
        model = model.get_encoder()
    if pooling == "pooler" and getattr(model, "pooler", None) is None:
        raise RecipeError(
            f'pooling must be "mean" or "cls" for {name!r}, was: "pooler"; it has no such layer'
        )
    room = simalign_model.room(tokenizer, model.config)
    if max_tokens is not None and max_tokens > room:
        raise RecipeError(f"max_tokens must be at most {room} for {name!r}, was: {max_tokens}")
    model.eval()
    torch = require("torch", "train")
    model.to("cuda" if device == "auto" and torch.cuda.is_available() else "cpu")
    return Encoder(model, tokenizer, pooling, max_tokens or room)
