"""Teaching: the training of one network from its encoded pairs to the best checkpoint's model."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from xltpipe import memory, progress
from xltpipe.errors import RecipeError
from xltpipe.mt import checkpoint
from xltpipe.mt.loop import Learner, Sums, steps
from xltpipe.mt.network import Network
from xltpipe.mt.recipe import Training
from xltpipe.mt.sampling import Sampler
from xltpipe.translation.engines import usable_cores

_REPORT_STEPS = 25
LOG = "training.jsonl"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a training ended: `why` is `minutes`, `tokens` or `patience`; chrF of the best on dev."""

    steps: int
    tokens: int
    minutes: float
    best: float | None
    why: str


@dataclass(slots=True)
class _Progress:
    """Where the training stands; all of it lies in the checkpoint."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    evaluated: float = 0.0
    best: float | None = None
    worse: int = 0
    snapshots: list[dict[str, Tensor]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


class Teacher:
    """Trains one network from where its last checkpoint stands."""

    def __init__(
        self,
        recipe: Training,
        network: Network,
        sampler: Sampler,
        work: Path,
        evaluate: Callable[[dict[str, Tensor]], float | None],
    ) -> None:
        """Take up the checkpoint in `work` if there is one.

        Args:
            evaluate: writes a model of the weights, keeps it if it is the best so far, and gives
                back its mean chrF on dev; None without dev.
        """
        memory.keep_all()
        self._recipe, self._schedule = recipe, recipe.schedule
        self._sampler, self._work, self._evaluate = sampler, work, evaluate
        self._draw = random.Random(recipe.seed)  # noqa: S311 - not for secrets
        device, precision = placed(recipe)
        self._threads = (recipe.threads or usable_cores()) if device == "cpu" else 1
        self._learner = Learner(network, recipe.schedule, device, precision, self._threads)
        self._at = _Progress()
        saved = checkpoint.load(work)
        if saved is not None:
            self._learner.optimiser.restore(saved["optimiser"])
            self._sampler.restore(saved["sampler"])
            self._draw.setstate(saved["draw"])
            self._at = _Progress(**saved["at"])
        _forget(work / LOG, self._at.step)

    def teach(self) -> Outcome:
        """Train until a limit of the schedule is met.

        Raises:
            Stopped: somebody asked to stop; the checkpoint is written first.
        """
        self._work.mkdir(parents=True, exist_ok=True)
        progress.expect("train", max(0, (self._schedule.tokens or 0) - self._at.tokens))
        try:
            with _flushing():
                why = self._learn()
                if self._at.evaluated < self._at.seconds:
                    self._evaluated()
        except progress.Stopped:
            self._save()
            raise
        finally:
            self._learner.close()
        self._save()
        at = self._at
        return Outcome(at.step, at.tokens, at.seconds / 60, at.best, why)

    def _learn(self) -> str:
        """Steps and evaluations until a limit is met; which one."""
        batches = steps(self._sampler, self._schedule, self._draw, self._threads)
        saved = time.monotonic()
        with (self._work / LOG).open("a") as log:
            while (why := self._over()) is None:
                self._step(next(batches), log)
                self._evaluate_when_due()
                if time.monotonic() - saved > 60 * self._schedule.save_minutes:
                    self._save()
                    saved = time.monotonic()
        return why

    def _step(self, batches: Sequence[Any], log: IO[str]) -> None:
        began = time.monotonic()
        before = self._learner.sums.tokens
        self._learner.step(batches, self._at.step, self._done())
        tokens = self._learner.sums.tokens - before
        self._at.step += 1
        self._at.tokens += tokens
        self._at.seconds += time.monotonic() - began
        if self._at.step % _REPORT_STEPS == 0:
            self._report(log)
        progress.tick("train", tokens)

    def _report(self, log: IO[str]) -> None:
        sums = self._learner.sums
        line = {
            "step": self._at.step,
            "tokens": self._at.tokens,
            "seconds": round(self._at.seconds, 1),
            "nll": round(sums.nll / max(1, sums.tokens), 4),
            "guidance": round(sums.guidance / max(1, sums.linked), 4),
            "norm": round(sums.norm, 4),
            "done": round(self._done(), 4),
            "skipped": self._sampler.skipped,
        }
        log.write(json.dumps(line) + "\n")
        log.flush()
        self._learner.sums = Sums()

    def _done(self) -> float:
        """The share of the training behind, 0..1, by whichever limit is nearer."""
        by_time = self._at.seconds / (60 * self._schedule.minutes)
        by_tokens = self._at.tokens / self._schedule.tokens if self._schedule.tokens else 0.0
        return min(1.0, max(by_time, by_tokens))

    def _over(self) -> str | None:
        if self._at.seconds >= 60 * self._schedule.minutes:
            return "minutes"
        if self._schedule.tokens and self._at.tokens >= self._schedule.tokens:
            return "tokens"
        patience = self._schedule.patience
        return "patience" if patience is not None and self._at.worse >= patience else None

    def _evaluate_when_due(self) -> None:
        if self._at.seconds - self._at.evaluated >= 60 * self._schedule.evaluate_minutes:
            self._evaluated()

    def _evaluated(self) -> None:
        """See whether the last checkpoint, or the mean of the last ones, is the best so far.

        While the rates fall the mean lags behind: it holds weights of before (docs/findings.md).
        """
        at = self._at
        # Beside those of a checkpoint, which are in memory, not on a GPU.
        weights = {
            name: tensor.to("cpu", copy=True)
            for name, tensor in self._learner.optimiser.weights().items()
        }
        at.snapshots = [*at.snapshots, weights][-self._schedule.average :]
        candidates = [average(at.snapshots)]
        if len(at.snapshots) > 1 and self._recipe.dev:  # without dev nothing could choose
            candidates.insert(0, weights)
        scores = [self._evaluate(one) for one in candidates]
        score = max((one for one in scores if one is not None), default=None)
        better = score is not None and (at.best is None or score > at.best)
        at.best = score if better else at.best
        at.worse = 0 if better else at.worse + 1
        at.evaluated = at.seconds

    def _save(self) -> None:
        state = {
            "optimiser": self._learner.optimiser.state(),
            "sampler": self._sampler.state(),
            "draw": self._draw.getstate(),
            "at": self._at.state(),
        }
        checkpoint.save(state, self._work)


@contextmanager
def _flushing() -> Iterator[None]:
    """Numbers too small to be normal count as zero, here and in threads begun meanwhile.

    Optimisers meet many, and processors are slow with them. It is the thread's own setting, so it
    is put back: later work in this process would compute otherwise, too.
    """
    before = sys.float_info.min / 2 == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _forget(log: Path, step: int) -> None:
    """Take back what was reported after the checkpoint: it is done again."""
    if log.is_file():
        lines = log.read_text("utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        log.write_text("".join(kept), "utf-8")


def average(snapshots: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The arithmetic mean of weights, name by name (Popel and Bojar, 2018)."""
    return {name: torch.stack([one[name] for one in snapshots]).mean(0) for name in snapshots[-1]}


def placed(recipe: Training) -> tuple[str, torch.dtype]:
    """Device and precision; `auto` takes a GPU where there is one, bf16 where it is fast.

    Raises:
        RecipeError: the recipe asks for a GPU that is not there.
    """
    there = torch.cuda.is_available()
    if recipe.device == "cuda" and not there:
        raise RecipeError("device must be one of this machine, was: cuda (no GPU found)")
    device = "cuda" if there and recipe.device != "cpu" else "cpu"
    if recipe.precision != "auto":
        return device, getattr(torch, recipe.precision)
    fast = torch.cuda.is_bf16_supported() if device == "cuda" else _bf16_processor()
    return device, torch.bfloat16 if fast else torch.float32


def _bf16_processor() -> bool:
    """Whether the processor multiplies bf16 itself; elsewhere it is emulated, and slower."""
    known = (
        getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile")
    )
    return any(ask() for ask in known if ask is not None)
