"""Muon: steps along the orthogonalised momentum of a matrix (Jordan et al., 2024).

`torch.optim.Muon` computes in bf16 whatever the device; where a processor emulates that, one step
of the default network took 27 seconds. Here the precision is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor

_LINEAR, _CUBIC, _QUINTIC = 3.4445, -4.7750, 2.0315
"""Of the published iteration: steepest at zero, singular values end between 0.5 and 1.5."""

_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised, with decoupled weight decay; for matrices only."""

    def __init__(
        self,
        matrices: Iterable[Tensor],
        lr: float,
        weight_decay: float,
        momentum: float,
        precision: torch.dtype,
    ) -> None:
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self._precision = precision

    def step(self, closure: Any = None) -> None:  # noqa: ARG002 - of the base class
        """One step on every matrix that has a gradient; `closure` is not called."""
        with torch.no_grad():
            for group in self.param_groups:
                for matrix in group["params"]:
                    if matrix.grad is not None:
                        self._step(matrix, group)

    def _step(self, matrix: Tensor, group: dict[str, Any]) -> None:
        state = self.state[matrix]
        if not state:  # named as PyTorch's: checkpoints of it are taken up
            state["momentum_buffer"] = torch.zeros_like(matrix)
        mean = state["momentum_buffer"].lerp_(matrix.grad, 1 - group["momentum"])
        ahead = matrix.grad.lerp(mean, group["momentum"])
        rows, columns = matrix.shape
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        step = orthogonal(ahead.to(self._precision))
        # Tall matrices take longer steps: else their rows would hardly move.
        matrix.sub_(step.to(matrix.dtype), alpha=group["lr"] * sqrt(max(1.0, rows / columns)))


def orthogonal(matrix: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix, roughly: Newton and Schulz's iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        mixed = torch.addmm(gram, gram, gram, beta=_CUBIC, alpha=_QUINTIC)
        x = torch.addmm(x, mixed, x, beta=_LINEAR)
    return x.T if tall else x
