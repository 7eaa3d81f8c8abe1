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
    """What the engine gives back for one text: hypotheses, best first, and their scores."""

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
        num_hypotheses: int,
        repetition_penalty: float,
        disable_unk: bool,
        return_end_token: bool,
        return_scores: bool,
        max_input_length: int,
        max_decoding_length: int,
    ) -> list[Pending]: ...


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What tells two loaded engines apart: `workers` models side by side, `threads` each.

    On GPUs there are so many workers on each of `devices`.
    """

    model: Path
    device: str
    compute_type: str
    workers: int
    threads: int
    devices: tuple[int, ...] = (0,)


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
            device_index=list(key.devices),
            compute_type=key.compute_type,
            inter_threads=key.workers,
            intra_threads=key.threads,
            max_queued_batches=-1,  # the caller bounds what is under way, by windows
        )
    except (RuntimeError, ValueError, MemoryError) as error:
        raise RecipeError(
            f"Model must load with device={key.device!r}, compute_type={key.compute_type!r}, "
            f"was: {key.model} ({error}){_remedy(key, error)}"
        ) from error
    return loaded


def _remedy(key: EngineKey, error: Exception) -> str:
    """What to do about a model that does not load, as the tail of a message."""
    said = str(error).lower()
    if is_out_of_memory(error):
        return "; take fewer workers, a smaller compute_type, or a smaller model"
    if "compute type" in said:
        return f"; {key.device} has {', '.join(compute_types(key.device))}"
    if "cuda" in said or "device" in said:
        return ""
    return f"; its model.bin may be damaged: xltpipe models verify {key.model}"


def is_out_of_memory(error: BaseException) -> bool:
    """An error of the engine that tells of too little memory, on the CPU or a GPU."""
    said = str(error).lower()
    signs = ("out of memory", "bad_alloc", "failed to allocate", "alloc_failed")
    return isinstance(error, MemoryError) or any(sign in said for sign in signs)


def compute_types(device: str) -> list[str]:
    """The types that a device computes with, "auto" and "default" for its own choice.

    Raises:
        RecipeError: this machine has no such device.
    """
    import ctranslate2

    try:
        own = ctranslate2.get_supported_compute_types("cpu" if device == "auto" else device)
    except (RuntimeError, ValueError) as error:
        raise RecipeError(
            f"Device must be one that this machine has, was: {device!r} ({error}); set "
            'device = "cpu"'
        ) from error
    return [*sorted(own), "auto", "default"]
