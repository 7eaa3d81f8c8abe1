"""Batching: examples of like length together, as padded arrays."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from xltpipe.mt.sampling import Example


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded ids and what of them counts.

    `source` (b, s) and `target` (b, t) ids, padded with the end of sentence; `source_mask`
    (b, 1, 1, s) with 0 or -inf, None where all sources are of one length; `real` (b, t) tells
    which target pieces count; `wanted` (b, t, s) is the alignment, rows summing to one or zero,
    None where nothing is known.
    """

    source: Tensor
    source_mask: Tensor | None
    target: Tensor
    real: Tensor
    wanted: Tensor | None
    tokens: int
    linked: int

    def to(self, device: str, kind: torch.dtype) -> Batch:
        mask = None if self.source_mask is None else self.source_mask.to(device, kind)
        return Batch(
            self.source.to(device),
            mask,
            self.target.to(device),
            self.real.to(device),
            None if self.wanted is None else self.wanted.to(device),
            self.tokens,
            self.linked,
        )


def groups(examples: Sequence[Example], tokens: int, draw: random.Random) -> list[list[Example]]:
    """Examples of like length, at most `tokens` padded pieces on either side, in random order."""
    order = sorted(range(len(examples)), key=lambda i: (len(examples[i].source), draw.random()))
    out: list[list[Example]] = []
    start = 0
    while start < len(order):
        end, widest = start, 0
        while end < len(order):
            one = examples[order[end]]
            widest = max(widest, len(one.source), len(one.target))
            if end > start and widest * (end - start + 1) > tokens:
                break
            end += 1
        out.append([examples[i] for i in order[start:end]])
        start = end
    draw.shuffle(out)
    return out


def batch(examples: Sequence[Example]) -> Batch:
    count = len(examples)
    wide = max(len(one.source) for one in examples)
    long = max(len(one.target) for one in examples)
    source, target = np.zeros((count, wide), np.int64), np.zeros((count, long), np.int64)
    real = np.zeros((count, long), bool)
    mask = np.full((count, wide), -np.inf, np.float32)
    wanted = np.zeros((count, long, wide), np.float32)
    for row, one in enumerate(examples):
        source[row, : len(one.source)] = one.source
        target[row, : len(one.target)] = one.target
        real[row, : len(one.target)] = True
        mask[row, : len(one.source)] = 0
        wanted[row, one.links[:, 0], one.links[:, 1]] = 1
    total = wanted.sum(2, keepdims=True)
    linked = int((total > 0).sum())
    wanted /= np.maximum(total, 1)
    return Batch(
        torch.from_numpy(source),
        None if (mask == 0).all() else torch.from_numpy(mask)[:, None, None],
        torch.from_numpy(target),
        torch.from_numpy(real),
        torch.from_numpy(wanted) if linked else None,
        int(real.sum()),
        linked,
    )
