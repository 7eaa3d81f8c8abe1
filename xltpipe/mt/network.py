"""Network: a small Transformer of the Marian kind (Vaswani et al., 2017; Junczys-Dowmunt, 2018).

Post-norm, sinusoidal positions, one embedding for source, target and output; ReLU. Its weights fit
`transformers.MarianMTModel` and a CTranslate2 `TransformerSpec` one to one (exporting.py).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the usual name
from torch import Tensor, nn

from xltpipe.mt.settings import Size


def sinusoids(positions: int, width: int) -> Tensor:
    """(positions, width): sines in the first half, cosines in the second, as Marian has them."""
    place = torch.arange(positions, dtype=torch.float64)[:, None]
    step = torch.arange(width // 2, dtype=torch.float64)[None] * 2 / width
    angle = place / torch.pow(torch.tensor(10000.0, dtype=torch.float64), step)
    return torch.cat([angle.sin(), angle.cos()], 1).float()


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """The mix and the scores, (batch, heads, target, source), before softmax and after the mask.

    Written out: PyTorch's fused attention takes four to ten times as long to go back on a
    processor, at the lengths of sentences (docs/findings.md).
    """
    batch, heads, length, size = query.shape
    flat = [x.reshape(batch * heads, -1, size) for x in (query, key, value)]
    scores = (flat[0] @ flat[1].transpose(1, 2)).view(batch, heads, length, -1) * size**-0.5
    if mask is not None:
        scores = scores + mask
    shares = scores.softmax(-1).view(batch * heads, length, -1)
    return (shares @ flat[2]).view(batch, heads, length, size), scores


class SelfAttention(nn.Module):
    """Queries, keys and values in one matrix, in this order."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor | None, *, causal: bool) -> Tensor:
        batch, length, width = x.shape
        shape = batch, length, 3, self.heads, width // self.heads
        query, key, value = self.qkv(x).view(shape).permute(2, 0, 3, 1, 4)
        if causal:
            mask = torch.full((length, length), -math.inf, dtype=x.dtype, device=x.device).triu(1)
        mixed, _ = attend(query, key, value, mask)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class CrossAttention(nn.Module):
    """Queries from the target, keys and values (one matrix) from the encoded source."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, *, guided: bool
    ) -> tuple[Tensor, Tensor | None]:
        """The mix, and if `guided` the log-attention of head 0, (batch, target, source)."""
        batch, length, width = x.shape
        size = width // self.heads
        query = self.query(x).view(batch, length, self.heads, size).transpose(1, 2)
        shape = batch, memory.shape[1], 2, self.heads, size
        key, value = self.kv(memory).view(shape).permute(2, 0, 3, 1, 4)
        mixed, scores = attend(query, key, value, mask)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return out, scores[:, 0].float().log_softmax(-1) if guided else None


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.rise = nn.Linear(width, inner)
        self.fall = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fall(F.relu(self.rise(x)))
        return out


class EncoderLayer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention = SelfAttention(size.width, size.heads)
        self.attention_norm = nn.LayerNorm(size.width)
        self.feed = FeedForward(size.width, size.inner)
        self.feed_norm = nn.LayerNorm(size.width)
        self.dropout = size.dropout

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        mixed = self.attention(x, mask, causal=False)
        x = self.attention_norm(x + _drop(mixed, self.dropout, training=self.training))
        fed = _drop(self.feed(x), self.dropout, training=self.training)
        out: Tensor = self.feed_norm(x + fed)
        return out


class DecoderLayer(nn.Module):
    def __init__(self, size: Size) -> None:
        super().__init__()
        self.attention = SelfAttention(size.width, size.heads)
        self.attention_norm = nn.LayerNorm(size.width)
        self.cross = CrossAttention(size.width, size.heads)
        self.cross_norm = nn.LayerNorm(size.width)
        self.feed = FeedForward(size.width, size.inner)
        self.feed_norm = nn.LayerNorm(size.width)
        self.dropout = size.dropout

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, *, guided: bool
    ) -> tuple[Tensor, Tensor | None]:
        mixed = self.attention(x, None, causal=True)
        x = self.attention_norm(x + _drop(mixed, self.dropout, training=self.training))
        mixed, attention = self.cross(x, memory, mask, guided=guided)
        x = self.cross_norm(x + _drop(mixed, self.dropout, training=self.training))
        fed = _drop(self.feed(x), self.dropout, training=self.training)
        return self.feed_norm(x + fed), attention


class Network(nn.Module):
    """Encoder and decoder; `vocabulary` counts pieces, without the padding that exports add."""

    def __init__(self, size: Size, vocabulary: int) -> None:
        super().__init__()
        self.size = size
        self.embedding = nn.Parameter(torch.randn(vocabulary, size.width) * size.width**-0.5)
        self.encoder = nn.ModuleList([EncoderLayer(size) for _ in range(size.encoder_layers)])
        self.decoder = nn.ModuleList([DecoderLayer(size) for _ in range(size.decoder_layers)])
        self.register_buffer("positions", sinusoids(size.positions, size.width), persistent=False)
        self._start()

    def _start(self) -> None:
        """Xavier; what enters the residual stream smaller, so that deep post-norm stacks learn."""
        depth = max(len(self.encoder), len(self.decoder))
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                inward = name.endswith((".out", ".fall"))
                nn.init.xavier_uniform_(module.weight, gain=depth**-0.5 if inward else 1.0)
                nn.init.zeros_(module.bias)

    def forward(
        self, source: Tensor, source_mask: Tensor | None, target: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Hidden states before the output matrix, and the log-attention of the guided head.

        Args:
            source: piece ids (batch, source).
            source_mask: 0 or -inf, (batch, 1, 1, source); None where nothing is padded.
            target: piece ids (batch, target), ending in the end of sentence; shifted here.
        """
        scale = math.sqrt(self.size.width)
        positions = self.get_buffer("positions")
        memory = F.embedding(source, self.embedding) * scale + positions[: source.shape[1]]
        memory = _drop(memory, self.size.dropout, training=self.training)
        for layer in self.encoder:
            memory = layer(memory, source_mask)
        known = F.embedding(target[:, :-1], self.embedding) * scale
        # The start symbol is the padding piece, whose embedding is zero.
        x = F.pad(known, (0, 0, 1, 0)) + positions[: target.shape[1]]
        x = _drop(x, self.size.dropout, training=self.training)
        attention = None
        for place, layer in enumerate(self.decoder):
            guided = place == len(self.decoder) - 1
            x, attention = layer(x, memory, source_mask, guided=guided)
        if attention is None:
            raise ValueError("Network must have a decoder layer, was: none")
        return x, attention


def _drop(x: Tensor, share: float, *, training: bool) -> Tensor:
    return F.dropout(x, share, training) if share and training else x
