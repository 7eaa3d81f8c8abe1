"""COMET in an environment of its own: a process that loads the model once, asked in batches."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, Any

from xltpipe import progress
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.quality.text_pairs import Reading, Texts
from xltpipe.types import one_each

_WORKER = Path(__file__).with_name("estimation_worker.py")
_BLOCK = 1024  # pairs between two looks at whether the run was stopped
_SHOWN = 600  # characters of what a broken process said
_DIGITS = 4
"""Digits of a score that do not depend on how far a batch was padded."""

_FIND = "import importlib.metadata as m; print(m.version('unbabel-comet'))"


@lru_cache(maxsize=8)
def meet(python: str | None) -> None:
    """See that unbabel-comet is installed, without importing it.

    Raises:
        RecipeError: there is no such interpreter.
        MissingExtraError: it has no such package.
    """
    chosen = python or sys.executable
    try:
        found = subprocess.run(  # noqa: S603 - the recipe's own interpreter
            [chosen, "-I", "-c", _FIND], capture_output=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RecipeError(
            f"python of estimation must be an interpreter to run, was: {chosen} ({error})"
        ) from error
    if found.returncode:
        raise MissingExtraError(
            f'Package "unbabel-comet" must be installed for {chosen}; it needs numpy < 2 and so an '
            "environment of its own: python -m venv comet && comet/bin/pip install unbabel-comet "
            "'setuptools<81', then python = \"comet/bin/python\" under [quality.estimation]"
        )


class Comet:
    """Reads pairs with one model; processes are shared by all that ask the same of the same."""

    def __init__(self, python: str | None, model: str, device: str, batch_size: int) -> None:
        self._key = (python or sys.executable, model, device, batch_size)

    def read(self, pairs: Sequence[Texts]) -> list[Reading]:
        """One score per pair.

        Raises:
            RecipeError: the model cannot be loaded, or its process broke.
            DataError: the model fails on these pairs.
        """
        out: list[Reading] = []
        for start in range(0, len(pairs), _BLOCK):
            block = pairs[start : start + _BLOCK]
            said = _process(self._key).ask({"pairs": block})
            if "error" in said:
                raise DataError(f"COMET must score {len(block)} pairs, was: {said['error']}")
            one_each("COMET", len(block), said["scores"])
            out += [
                Reading(round(score, _DIGITS), cut)
                for score, cut in zip(said["scores"], said["cut"], strict=True)
            ]
            progress.tick("score", 0)
        return out


_Key = tuple[str, str, str, int]
_processes: dict[tuple[int, _Key], _Process] = {}
_lock = threading.Lock()


def _process(key: _Key) -> _Process:
    """The process of these settings, started if it is not there or broke."""
    with _lock:
        known = _processes.get((os.getpid(), key))
        if known is None or known.broken:
            known = _processes[os.getpid(), key] = _Process(key)
        return known


class _Process:
    """One worker: a question at a time, each with one line of answer."""

    def __init__(self, key: _Key) -> None:
        python, model, device, batch_size = key
        self._turn = threading.Lock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives with the process
        # -I: this folder's modules must not stand in the way of the other environment's
        self._running = subprocess.Popen(  # noqa: S603 - the recipe's own interpreter
            [python, "-I", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        atexit.register(self.stop)
        said = self.ask({"model": model, "device": device, "batch_size": batch_size})
        if "error" in said:
            self.stop()
            raise RecipeError(
                f"COMET must load {model!r} and need no references, was: {said['error']}; check "
                "the name, the network and, for a gated model, that you are logged in to the hub"
            )

    @property
    def broken(self) -> bool:
        return self._running.poll() is not None

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question.

        Raises:
            RecipeError: there is none.
        """
        sending, receiving = self._running.stdin, self._running.stdout
        assert sending is not None and receiving is not None  # noqa: S101, PT018 - both are pipes
        with self._turn:
            try:
                sending.write(json.dumps(question).encode() + b"\n")
                sending.flush()
                line = receiving.readline()
            except OSError:  # the pipe broke: what it said last tells why
                line = b""
        if not line:
            raise RecipeError(
                f"COMET must run, was: ended with status {self._running.wait()} ({self._said()}); "
                "if memory ran out, lower batch_size"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer

    def stop(self) -> None:
        """End the process; its input's end tells it to."""
        if self._running.stdin is not None and not self._running.stdin.closed:
            self._running.stdin.close()
        try:
            self._running.wait(5)
        except subprocess.TimeoutExpired:
            self._running.kill()
            self._running.wait()

    def _said(self) -> str:
        self._errors.seek(0)
        text = self._errors.read().decode("utf-8", "replace")
        return " ".join(text.split())[-_SHOWN:]
