"""Optimising: Muon for matrices, AdamW for the rest, on 32-bit copies of 16-bit weights.

Muon: Jordan et al. (2024); AdamW: Loshchilov and Hutter (2019). The rate rises, stays, and falls
to nothing over the last part (Hägele et al., 2024), so that a training can be made longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from xltpipe import progress
from xltpipe.mt.muon import Muon
from xltpipe.mt.network import Network
from xltpipe.mt.settings import Schedule


def rate(schedule: Schedule, step: int, done: float) -> float:
    """The factor on all learning rates, 0..1, at a step and with a share of the training done."""
    warm = min(1.0, (step + 1) / max(1, schedule.warmup))
    return warm * min(1.0, max(0.0, 1 - done) / max(schedule.decay, 1e-9))


class Optimiser:
    """Holds the 32-bit weights; `step` takes summed gradients and refreshes the network's.

    Matrices are dealt out over the executor's threads, largest first.
    """

    def __init__(self, network: Network, schedule: Schedule, threads: int) -> None:
        self._schedule = schedule
        self._threads = threads
        named = list(network.named_parameters())
        self.names = [name for name, _ in named]
        self.parameters = [parameter for _, parameter in named]
        self.masters = [p.detach().float().clone().requires_grad_() for p in self.parameters]
        matrices = [m for n, m in zip(self.names, self.masters, strict=True) if _matrix(n, m)]
        rest = [m for n, m in zip(self.names, self.masters, strict=True) if not _matrix(n, m)]
        self._rates: list[float] = []
        self._all: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=schedule.rate, betas=(0.9, 0.98), weight_decay=0.0)
        ]
        self._all += [
            Muon(
                share,
                lr=schedule.matrix_rate,
                weight_decay=schedule.weight_decay,
                momentum=0.95,
                precision=self.parameters[0].dtype,
            )
            for share in _dealt(matrices, threads)
            if share
        ]
        self._rates = [one.param_groups[0]["lr"] for one in self._all]

    def step(self, gradients: Sequence[Tensor], factor: float, executor: Executor) -> float:
        """One step with the mean gradient in 32 bits; gives back its norm before clipping.

        No step is taken if that is not finite: no weight would be left.
        """
        norm = float(torch.stack(torch._foreach_norm(list(gradients))).norm())  # noqa: SLF001
        if not isfinite(norm):
            return norm
        clip = min(1.0, self._schedule.clip / (norm + 1e-6))
        for master, gradient in zip(self.masters, gradients, strict=True):
            master.grad = gradient.mul_(clip) if clip < 1 else gradient
        for one, full in zip(self._all, self._rates, strict=True):
            one.param_groups[0]["lr"] = full * factor
        list(executor.map(_stepped, self._all))
        self.refresh()
        return norm

    def refresh(self) -> None:
        """Copy the 32-bit weights into the network."""
        with torch.no_grad():
            for parameter, master in zip(self.parameters, self.masters, strict=True):
                parameter.copy_(master)

    def weights(self) -> dict[str, Tensor]:
        """The 32-bit weights by the network's names."""
        return dict(zip(self.names, (m.detach() for m in self.masters), strict=True))

    def state(self) -> dict[str, Any]:
        return {
            "weights": {name: tensor.clone() for name, tensor in self.weights().items()},
            "optimisers": [one.state_dict() for one in self._all],
            "threads": self._threads,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a state of the same network; without momenta if it had other threads."""
        self.load(state["weights"])
        if state["threads"] != self._threads:
            progress.note(
                f"the training goes on without the optimiser's momenta: they were of "
                f"{state['threads']} threads, not {self._threads}"
            )
            return
        for one, saved in zip(self._all, state["optimisers"], strict=True):
            one.load_state_dict(saved)

    def load(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, master in zip(self.names, self.masters, strict=True):
                master.copy_(weights[name])
        self.refresh()


def _stepped(optimiser: torch.optim.Optimizer) -> None:
    step: Callable[[], object] = optimiser.step
    step()
    optimiser.zero_grad(set_to_none=True)


def _matrix(name: str, parameter: Tensor) -> bool:
    return parameter.ndim == 2 and name != "embedding"


def _dealt(matrices: Sequence[Tensor], hands: int) -> list[list[Tensor]]:
    """Matrices in about equal shares by size."""
    shares: list[list[Tensor]] = [[] for _ in range(hands)]
    for matrix in sorted(matrices, key=lambda m: -m.numel()):
        min(shares, key=lambda share: sum(m.numel() for m in share)).append(matrix)
    return shares
