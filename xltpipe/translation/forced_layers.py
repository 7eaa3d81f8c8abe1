"""Layers: the parts of an encoder-decoder Transformer in NumPy (Vaswani et al., 2017).

Arrays are float32. Hidden states are [..., positions, size], keys and values
[..., heads, positions, size per head]; leading axes broadcast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xltpipe.translation.forced_weights import Floats

Integers = NDArray[np.int64]

LOWEST = np.float32(-1e30)
"""Stands for log 0 in masks: it never makes a NaN."""


@dataclass(frozen=True, slots=True)
class Keys:
    """Keys and values of one attention, and what may not be seen (added to the scores)."""

    keys: Floats
    values: Floats
    mask: Floats | None = None


class Linear:
    """x W' + b."""

    def __init__(self, weights: Mapping[str, Floats], name: str) -> None:
        self.weight = np.ascontiguousarray(weights[f"{name}/weight"].T)
        self.bias = weights.get(f"{name}/bias")

    def __call__(self, x: Floats) -> Floats:
        flat = x.reshape(-1, x.shape[-1]) @ self.weight
        if self.bias is not None:
            flat += self.bias
        out: Floats = flat.reshape(*x.shape[:-1], -1)
        return out


class Norm:
    """Layer normalisation (Ba et al., 2016)."""

    def __init__(self, weights: Mapping[str, Floats], name: str, epsilon: float) -> None:
        self.gamma, self.beta = weights[f"{name}/gamma"], weights[f"{name}/beta"]
        self.epsilon = np.float32(epsilon)

    def __call__(self, x: Floats) -> Floats:
        centred: Floats = x - x.mean(-1, keepdims=True)
        size = np.float32(x.shape[-1])
        variance = np.einsum("...d,...d->...", centred, centred)[..., None] / size
        centred *= self.gamma / np.sqrt(variance + self.epsilon)
        centred += self.beta
        return centred


class Block:
    """One layer: self-attention, attention to the source where it has one, feed-forward."""

    def __init__(
        self, weights: Mapping[str, Floats], name: str, *, heads: int, before: bool, epsilon: float
    ) -> None:
        self.heads, self.before = heads, before  # `before`: normalise before each part, not after
        self._own = [Linear(weights, f"{name}/self_attention/linear_{k}") for k in range(2)]
        self._own_norm = Norm(weights, f"{name}/self_attention/layer_norm", epsilon)
        self._source: list[Linear] = []
        if f"{name}/attention/linear_0/weight" in weights:
            self._source = [Linear(weights, f"{name}/attention/linear_{k}") for k in range(3)]
            self._source_norm = Norm(weights, f"{name}/attention/layer_norm", epsilon)
        self._forward = [Linear(weights, f"{name}/ffn/linear_{k}") for k in range(2)]
        self._forward_norm = Norm(weights, f"{name}/ffn/layer_norm", epsilon)

    def source_keys(self, memory: Floats) -> Keys:
        """What the layer sees of an encoded source."""
        keys, values = np.split(self._source[1](memory), 2, axis=-1)
        return Keys(self._heads(keys), self._heads(values))

    def __call__(
        self,
        x: Floats,
        mask: Floats | None,
        past: Sequence[Keys],
        memory: Keys | None,
        only: Integers | None = None,
    ) -> tuple[Floats, Keys]:
        """The next hidden states, and the keys of these positions for those to come.

        The hidden states are those of the positions `only`, where these are given.
        """
        queries, keys, values = self._split(x)
        if only is not None:
            # not x[..., only, :], whose memory order takes the products off the fast path
            x, queries = (np.take(part, only, axis=-2) for part in (x, queries))
            mask = None if mask is None else mask[..., only, :]
        new = Keys(self._heads(keys), self._heads(values), mask)
        return self.finish(x, attend(self._heads(queries), [*past, new]), memory), new

    def project(self, x: Floats) -> tuple[Floats, Floats, Floats]:
        """Queries, keys and values of the layer's self-attention."""
        queries, keys, values = map(self._heads, self._split(x))
        return queries, keys, values

    def finish(self, x: Floats, seen: Floats, memory: Keys | None) -> Floats:
        """The next hidden states, from these and what their self-attention has seen."""
        x = self._joined(x, self._own[1](_merged(seen)), self._own_norm)
        if memory is not None:
            given = self._source_norm(x) if self.before else x
            seen = _attend_source(self._heads(self._source[0](given)), memory)
            x = self._joined(x, self._source[2](_merged(seen)), self._source_norm)
        hidden = self._forward[0](self._forward_norm(x) if self.before else x)
        np.maximum(hidden, 0, out=hidden)
        return self._joined(x, self._forward[1](hidden), self._forward_norm)

    def _split(self, x: Floats) -> Sequence[Floats]:
        given = self._own_norm(x) if self.before else x
        return np.split(self._own[0](given), 3, axis=-1)

    def _joined(self, x: Floats, change: Floats, norm: Norm) -> Floats:
        summed = x + change
        return summed if self.before else norm(summed)

    def _heads(self, x: Floats) -> Floats:
        return x.reshape(*x.shape[:-1], self.heads, -1).swapaxes(-3, -2)


def attend(queries: Floats, blocks: Sequence[Keys]) -> Floats:
    """Softmax attention over the positions of several blocks of keys."""
    queries = queries * np.float32(queries.shape[-1] ** -0.5)
    scores: list[Floats] = []
    for block in blocks:
        score = queries @ block.keys.swapaxes(-1, -2)
        scores.append(score if block.mask is None else score + block.mask)
    lead = np.broadcast_shapes(*(score.shape[:-1] for score in scores))
    row = np.concatenate([np.broadcast_to(s, (*lead, s.shape[-1])) for s in scores], axis=-1)
    row -= row.max(-1, keepdims=True)
    np.exp(row, out=row)
    row /= row.sum(-1, keepdims=True)
    at, parts = 0, []
    for block in blocks:
        width = block.keys.shape[-2]
        parts.append(row[..., at : at + width] @ block.values)
        at += width
    total: Floats = parts[0] if len(parts) == 1 else np.add(*parts)
    return total


def _attend_source(queries: Floats, memory: Keys) -> Floats:
    """Attention of any rows to one source: all rows of a head in one matrix product."""
    *lead, heads, length, size = queries.shape
    flat = queries.reshape(-1, heads, length, size).swapaxes(0, 1).reshape(heads, -1, size)
    seen = attend(flat, [memory])
    return seen.reshape(heads, -1, length, size).swapaxes(0, 1).reshape(*lead, heads, length, size)


def _merged(x: Floats) -> Floats:
    x = x.swapaxes(-3, -2)
    return x.reshape(*x.shape[:-2], -1)


def causal(length: int) -> Floats:
    """A mask that hides from each position what comes after it."""
    return np.triu(np.full((length, length), LOWEST, np.float32), 1)
