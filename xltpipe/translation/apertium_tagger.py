"""Tagger: the one program of Apertium's pipe that does not forget, made to.

`apertium-tagger` of Apertium 3.8 changes its own model whenever it meets a word whose set of tags
it was not trained on: what it makes of later texts, as long as it runs, depends on that (measured:
one text in six came out differently in another order, Spanish to Asturian). It says so when asked
for debugging notes; after a text that it had anything to say about, a new one is started (7 ms).
"""

from __future__ import annotations

import os
import selectors
import subprocess
from collections.abc import Sequence
from threading import Event
from typing import IO

_ROOM = 1 << 16


class TaggerDiedError(Exception):
    """The tagger ended before it had answered."""


class Tagger:
    """Answers one block at a time, each as if it were the first."""

    def __init__(self, command: Sequence[str]) -> None:
        program, *rest = command
        self._command = [program, "-d", *rest]
        self._closed = Event()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - from the mode file
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        for pipe in _pipes(process):
            os.set_blocking(pipe.fileno(), False)
        return process

    def answer(self, block: bytes) -> bytes:
        """What the tagger makes of a block that ends in NUL; it ends in NUL, too.

        Raises:
            TaggerDiedError: it ended, or was closed, before it had answered.
        """
        if self._closed.is_set():
            raise TaggerDiedError
        answer, noted = self._exchange(block)
        if noted:
            self._end()
            self._process = self._start()
            if self._closed.is_set():  # by another thread, meanwhile
                self._end()
        return answer

    def _exchange(self, block: bytes) -> tuple[bytes, bool]:
        """Write and read at once: either side may be longer than a pipe holds."""
        stdin, stdout, stderr = _pipes(self._process)
        answer = bytearray()
        noted = False
        left = memoryview(block)
        with selectors.DefaultSelector() as ready:
            ready.register(stdin, selectors.EVENT_WRITE)
            ready.register(stdout, selectors.EVENT_READ)
            ready.register(stderr, selectors.EVENT_READ)
            while not answer.endswith(b"\0"):
                for key, _ in ready.select():
                    if key.fileobj is stdin:
                        left = left[_written(stdin, left) :]
                        if not left:
                            ready.unregister(stdin)
                    elif key.fileobj is stdout:
                        answer += _got(stdout)
                    else:
                        noted = bool(_got(stderr)) or noted
        # notes are written before the answer is, so those on this block are all here by now
        return bytes(answer), bool(stderr.read(_ROOM)) or noted

    def close(self) -> None:
        """End it, also while another thread waits for its answer."""
        self._closed.set()
        self._process.kill()
        self._process.wait()

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in _pipes(self._process):
            pipe.close()


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise TaggerDiedError
    return process.stdin, process.stdout, process.stderr


def _written(pipe: IO[bytes], left: memoryview) -> int:
    try:
        return os.write(pipe.fileno(), left[:_ROOM])
    except BlockingIOError:
        return 0
    except BrokenPipeError as error:
        raise TaggerDiedError from error


def _got(pipe: IO[bytes]) -> bytes:
    try:
        part = os.read(pipe.fileno(), _ROOM)
    except BlockingIOError:
        return b""
    if not part:
        raise TaggerDiedError
    return part
