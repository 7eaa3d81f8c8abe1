"""Engines: the CTranslate2 models of this process, each loaded once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol

from xltpipe.errors import RecipeError


class Hypotheses(Protocol):
    """What the engine gives back for one text: one hypothesis and its score."""

    hypotheses: list[list[str]]
    scores: list[float]


class Pending(Protocol):
    """A translation under way; `result` waits for it."""

    def result(self) -> Hypotheses: ...


class Engine(Protocol):
    """The part of ctranslate2.Translator that is used here, always asynchronously."""

    def translate_batch(
        self,
        source: Sequence[Sequence[str]],
        target_prefix: Sequence[Sequence[str]] | None = None,
        *,
        asynchronous: bool,
        beam_size: int,
        repetition_penalty: float,
        disable_unk: bool,
        return_end_token: bool,
        return_scores: bool,
        max_input_length: int,
        max_decoding_length: int,
    ) -> list[Pending]: ...


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What tells two loaded engines apart: `workers` models side by side, `threads` each."""

    model: Path
    device: str
    compute_type: str
    workers: int
    threads: int


_engines: dict[tuple[int, EngineKey], Engine] = {}
_lock = Lock()


# Held over a fork: a child must not inherit a lock that a thread of its parent was holding.
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)


def usable_cores() -> int:
    """Cores this process may run on (a container may have fewer than the machine)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine(key: EngineKey) -> Engine:
    """The engine of this process, loaded at the first call.

    An engine of the parent hangs in a forked child, so it is never reused there; OpenMP threads
    of the parent (`threads` > 1) make even a new one hang, so that is refused.

    Raises:
        RecipeError: this process was forked from one that loaded an engine with threads.
    """
    with _lock:
        if (os.getpid(), key) not in _engines:
            if any(pid != os.getpid() and old.threads > 1 for pid, old in _engines):
                raise RecipeError(
                    "Process must not be forked from one that runs an engine with intra_threads "
                    f"> 1, was: child {os.getpid()}; use threads, spawn, or intra_threads = 1"
                )
            _engines[os.getpid(), key] = _load(key)
        return _engines[os.getpid(), key]


def _load(key: EngineKey) -> Engine:
    import ctranslate2

    try:
        loaded: Engine = ctranslate2.Translator(
            str(key.model),
            device=key.device,
            compute_type=key.compute_type,
            inter_threads=key.workers,
            intra_threads=key.threads,
            max_queued_batches=-1,  # the caller bounds what is under way, by windows
        )
    except (RuntimeError, ValueError) as error:
        raise RecipeError(
            f"Model must load with device={key.device!r}, compute_type={key.compute_type!r}, "
            f"was: {key.model} ({error})"
        ) from error
    return loaded
