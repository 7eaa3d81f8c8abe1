"""Forced: what a CTranslate2 model thinks of given targets, computed so that work can be shared.

The engine's own `score_batch` encodes the source and walks the whole target for every row. Here
the same weights run in NumPy, float32: a source is encoded once, and targets that begin alike
share the hidden states of their beginning (forced_tree.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from xltpipe.errors import RecipeError
from xltpipe.model_files import converted_config
from xltpipe.translation.description import pieces
from xltpipe.translation.forced_layers import Block, Integers, Keys, Linear, Norm, causal
from xltpipe.translation.forced_weights import Floats, read_weights

Layers = list[Keys]
"""Keys of one stretch of positions, one entry per layer."""

_ROWS = 64  # rows of one forced pass: more do not make the matrix products faster
_NORMALISER = 1 << 22  # logits held at a time

# What is computed here; a model with anything else would get wrong numbers, so it is refused.
_KNOWN = re.compile(
    r"(?:encoder|decoder)/(?:"
    r"embeddings(?:_0)?/weight|position_encodings/encodings|scale_embeddings|num_heads|pre_norm"
    r"|(?:layer_norm|layernorm_embedding)/(?:gamma|beta)|projection/(?:weight|bias)"
    r"|layer_\d+/(?:(?:self_)?attention|ffn)/(?:layer_norm/(?:gamma|beta)|linear_\d/(?:weight|bias))"
    r"|alignment_(?:heads|layer)|start_from_zero_embedding)"
)
_MUST_BE_ZERO = re.compile(
    r".*/(?:activation|embeddings_merge|alibi|alibi_use_positive_positions|scale_alibi"
    r"|multi_query_attention)"
)


class Side:
    """The encoder or the decoder: embeddings and layers."""

    def __init__(self, weights: dict[str, Floats], name: str, epsilon: float) -> None:
        table = f"{name}/embeddings_0/weight"
        self.table = weights[table if table in weights else f"{name}/embeddings/weight"]
        self.positions = weights[f"{name}/position_encodings/encodings"]
        self.scale = weights.get(f"{name}/scale_embeddings", np.float32(1))
        before = bool(weights[f"{name}/pre_norm"])
        heads = int(weights[f"{name}/num_heads"])
        count = 1 + max(int(m[1]) for n in weights if (m := re.match(rf"{name}/layer_(\d+)/", n)))
        self.layers = [
            Block(weights, f"{name}/layer_{k}", heads=heads, before=before, epsilon=epsilon)
            for k in range(count)
        ]
        norms = [f"{name}/{part}" for part in ("layernorm_embedding", "layer_norm")]
        self._first, self.last = (
            Norm(weights, norm, epsilon) if f"{norm}/gamma" in weights else None for norm in norms
        )

    def embed(self, tokens: Integers, first: int) -> Floats:
        """Tokens that follow each other, the first at that position; -1 is the zero vector."""
        x = self.table[tokens] * self.scale
        x[tokens < 0] = 0
        x += self.positions[first : first + len(tokens)]
        return x if self._first is None else self._first(x)

    def run(
        self,
        x: Floats,
        *,
        mask: Floats | None = None,
        past: Sequence[Sequence[Keys]] = (),
        memory: Layers | None = None,
        only: Integers | None = None,
    ) -> tuple[Floats, Layers]:
        """Hidden states of these positions (or some of them), and the keys of all.

        `past[layer]` are blocks of keys of positions before these.
        """
        kept: Layers = []
        for k, layer in enumerate(self.layers):
            seen = (past[k] if past else (), memory[k] if memory else None)
            last = k + 1 == len(self.layers)  # layers before it need every position
            x, new = layer(x, mask, *seen, only=only if last else None)
            kept.append(new)
        return (x if self.last is None else self.last(x)), kept


class Forced:
    """A model of one directory; sequences are ids of its vocabulary, on one source at a time."""

    def __init__(self, model: Path) -> None:
        weights = read_weights(model)
        _check(weights, model)
        config = converted_config(model)
        epsilon = config.get("layer_norm_epsilon") or 1e-5  # the engine's default
        self.encoder, self.decoder = (Side(weights, n, epsilon) for n in ("encoder", "decoder"))
        self.output = Linear(weights, "decoder/projection")
        self._sources = {piece: k for k, piece in enumerate(pieces(model, "source"))}
        self._targets = {piece: k for k, piece in enumerate(pieces(model, "target"))}
        self._unknown = str(config["unk_token"])
        self.end = self._targets[str(config["eos_token"])]
        zero = bool(weights.get("decoder/start_from_zero_embedding", np.zeros(())))
        self.start = -1 if zero else self._targets[str(config["decoder_start_token"])]

    @property
    def max_positions(self) -> int:
        return min(len(self.encoder.positions), len(self.decoder.positions))

    def source_ids(self, pieces: Sequence[str]) -> Integers:
        return _looked_up(pieces, self._sources, self._unknown)

    def target_ids(self, pieces: Sequence[str]) -> Integers:
        return _looked_up(pieces, self._targets, self._unknown)

    def knows(self, piece: str) -> bool:
        """The piece is one of the target's vocabulary."""
        return piece in self._targets and piece != self._unknown

    def encode(self, source: Integers) -> Layers:
        """What the decoder's layers see of a source."""
        hidden, _ = self.encoder.run(self.encoder.embed(source, 0))
        return [layer.source_keys(hidden) for layer in self.decoder.layers]

    def score(self, memory: Layers, targets: Sequence[Integers], forced: int = 0) -> list[Floats]:
        """Log-probabilities of each token and of the end; those of the first `forced` left out."""
        out: list[Floats] = [np.zeros(0, np.float32)] * len(targets)
        order = sorted(range(len(targets)), key=lambda k: len(targets[k]))
        while order:
            length = len(targets[order[0]])
            rows = [k for k in order[:_ROWS] if len(targets[k]) == length]
            order = order[len(rows) :]
            inputs = [np.r_[self.start, targets[k]] for k in rows]
            x = np.stack([self.decoder.embed(row, 0) for row in inputs])
            hidden, _ = self.decoder.run(x, mask=causal(length + 1), memory=memory)
            wanted = np.stack([np.r_[targets[k], self.end] for k in rows])
            found = self.log_probs(hidden[:, forced:], wanted[:, forced:])
            for k, row in zip(rows, found, strict=True):
                out[k] = row
        return out

    def log_probs(self, hidden: Floats, wanted: Integers) -> Floats:
        """The log-probability of one token at each position."""
        flat, ids = hidden.reshape(-1, hidden.shape[-1]), wanted.ravel()
        out = np.empty(len(flat), np.float32)
        step = max(1, _NORMALISER // self.output.weight.shape[1])
        for at in range(0, len(flat), step):
            logits = self.output(flat[at : at + step])
            chosen = logits[np.arange(len(logits)), ids[at : at + step]]
            out[at : at + step] = chosen - normaliser(logits)
        return out.reshape(wanted.shape)


def normaliser(logits: Floats) -> Floats:
    """Log of Σ exp over the last axis; the logits are lost."""
    top = logits.max(-1, keepdims=True)
    logits -= top
    np.exp(logits, out=logits)
    total: Floats = np.log(logits.sum(-1)) + top[..., 0]
    return total


@lru_cache(maxsize=2)
def open_forced(model: Path) -> Forced:
    """The model of a directory, read once per process.

    Raises:
        RecipeError: the model has parts that are not computed here.
    """
    return Forced(model)


def _check(weights: dict[str, Floats], model: Path) -> None:
    strange = [
        name
        for name, values in weights.items()
        if not _KNOWN.fullmatch(name) and not (_MUST_BE_ZERO.fullmatch(name) and not values.any())
    ]
    needed = [f"{side}/position_encodings/encodings" for side in ("encoder", "decoder")]
    strange += [f"no {name}" for name in needed if name not in weights]
    if strange:
        raise RecipeError(
            "Model must be a plain encoder-decoder Transformer with ReLU and stored positions to "
            f"share its work, was: {model.name} with {strange[0]}; score with the engine "
            '(backend = "ctranslate2")'
        )


def _looked_up(pieces: Sequence[str], table: dict[str, int], unknown: str) -> Integers:
    nothing = table[unknown]
    return np.array([table.get(piece, nothing) for piece in pieces], np.int64)
