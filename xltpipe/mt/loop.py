"""The training loop: steps over drawn examples, in threads, until a limit is met."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from threading import Lock

import torch
from torch import Tensor

from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.mt.batching import Batch, batch, groups
from xltpipe.mt.losses import cross_entropy, guidance
from xltpipe.mt.network import Network
from xltpipe.mt.optimising import Optimiser, rate
from xltpipe.mt.sampling import Example, Sampler
from xltpipe.mt.settings import Schedule

_ROUND = 12_000
"""Examples drawn at a time: enough for batches of like length, little to hold."""

_ASTRAY = 20
"""Steps in a row without finite gradients after which the training is given up."""


@dataclass(slots=True)
class Sums:
    """What steps have added up to since the last report."""

    steps: int = 0
    tokens: int = 0
    nll: float = 0.0
    linked: int = 0
    guidance: float = 0.0
    norm: float = 0.0


class Learner:
    """One network and its optimiser, doing steps; `threads` batches are under way at a time."""

    def __init__(
        self,
        network: Network,
        schedule: Schedule,
        device: str,
        precision: torch.dtype,
        threads: int,
    ) -> None:
        self.network = network.to(device=device, dtype=precision)
        self.network.train()
        self.optimiser = Optimiser(self.network, schedule, threads)
        self._schedule = schedule
        self._device, self._precision = device, precision
        self._executor = ThreadPoolExecutor(
            threads, initializer=torch.set_num_threads, initargs=(1,)
        )
        self._lock = Lock()
        self.sums = Sums()
        self._astray = 0

    def step(self, batches: Sequence[list[Example]], number: int, done: float) -> None:
        """Learn from batches at once; `done` is the share of the training behind.

        Raises:
            RecipeError: the gradients of many steps in a row were not finite.
        """
        total = [torch.zeros_like(master) for master in self.optimiser.masters]
        before = self.sums.tokens
        list(self._executor.map(lambda one: self._gradients(one, total), batches))
        tokens = self.sums.tokens - before
        torch._foreach_div_(total, float(tokens))
        factor = rate(self._schedule, number, done)
        self.sums.norm = self.optimiser.step(total, factor, self._executor)
        self.sums.steps += 1
        self._see(self.sums.norm)

    def _see(self, norm: float) -> None:
        if isfinite(norm):
            self._astray = 0
            return
        self._astray += 1
        progress.note("steps of the training whose gradients were not finite were left out")
        if self._astray == _ASTRAY:
            raise RecipeError(
                f"Training must keep finite gradients, was: {norm} in {_ASTRAY} steps in a row; "
                'set smaller schedule.rate and schedule.matrix_rate, or precision = "float32"'
            )

    def _gradients(self, examples: list[Example], total: list[Tensor]) -> None:
        padded = batch(examples).to(self._device, self._precision)
        loss, nll, guided = self._loss(padded)
        grads = torch.autograd.grad(loss, self.optimiser.parameters, allow_unused=True)
        with self._lock, torch.no_grad():
            for whole, part in zip(total, grads, strict=True):
                if part is not None:
                    whole.add_(part)
            self.sums.tokens += padded.tokens
            self.sums.nll += nll
            self.sums.linked += padded.linked
            self.sums.guidance += guided

    def _loss(self, padded: Batch) -> tuple[Tensor, float, float]:
        states, attention = self.network(padded.source, padded.source_mask, padded.target)
        real = padded.real
        loss, nll = cross_entropy(
            states[real], self.network.embedding, padded.target[real], self._schedule.smoothing
        )
        if padded.wanted is None or not self._schedule.guidance:
            return loss, nll, 0.0
        guided = guidance(attention, padded.wanted)
        # Per linked piece as per piece: else batches with few links would guide little.
        weight = self._schedule.guidance * padded.tokens / padded.linked
        return loss + weight * guided, nll, float(guided.detach())

    def close(self) -> None:
        self._executor.shutdown()


def steps(
    sampler: Sampler, schedule: Schedule, draw: random.Random, threads: int = 1
) -> Iterator[list[list[Example]]]:
    """Batches of one step after the other, without end; as many for each thread."""
    waiting: list[list[Example]] = []
    while True:
        waiting += groups(sampler.draw(_ROUND), schedule.batch_tokens, draw)
        step: list[list[Example]] = []
        tokens = 0
        while waiting:
            one = waiting.pop()
            step.append(one)
            tokens += sum(len(example.target) for example in one)
            if tokens >= schedule.step_tokens and len(step) % threads == 0:
                yield step
                step, tokens = [], 0
        waiting = step
