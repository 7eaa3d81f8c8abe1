"""Pipeline: the running programs of one mode, given one block after another.

    blocks ─► analyser … ─► (words counted, tagger) ─► … generator ─► (tags) ─► joiner ─► answers

All programs run beside each other, as the mode has them; in two places blocks pass through here.
"""

from __future__ import annotations

import os
import re
import selectors
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import IO

from xltpipe.errors import RecipeError
from xltpipe.translation.apertium_modes import Mode
from xltpipe.translation.apertium_stream import decode, encode
from xltpipe.translation.apertium_tagger import Tagger, TaggerDiedError
from xltpipe.translation.tags import Tagged

_ROOM = 1 << 16
START = 30.0
"""Seconds that programs get to load their data and answer for the first time."""

_SLOWEST = 1000
"""Bytes a second under which no answer is waited for, on top of the time allowed for any block."""

# A lexical unit begins with ^; an unknown one has its own surface behind "/*". Both characters are
# escaped where they stand in the text itself.
_UNIT = re.compile(rb"(?:\\.)+|(\^)|(/\*)", re.DOTALL)


# Generators of some pairs put the marks by which words are joined before the tag, where the joiner
# does not find them: "~~de ~[[t:s:0]]España" would stay "de España" in Asturian, not "d'España".
_MARK = re.compile(rb"(~+)(\[\[[^\]]*\]\])")
# Where two words were joined, the joiner sets the space between them before the next mark that has
# none: "na serie , esti", in 45 % of texts. No rule begins with such a mark.
_STRAY = re.compile(rb"~+(?=[.,;:!?)\"]|\xc2\xbb)")

Part = list[subprocess.Popen[bytes]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The translation of one block, and how many words of the text there were and were unknown."""

    tagged: Tagged
    words: int
    unknown: int


class BrokenError(Exception):
    """The pipe ended, stood still, or gave back another block; `answers` are those before that."""

    def __init__(self, why: str, answers: Sequence[Answer]) -> None:
        super().__init__(why)
        self.answers = list(answers)


class Pipeline:
    """Programs of a mode, started; to be used by one thread at a time.

    Raises:
        RecipeError: they do not even translate an empty text.
        MissingExtraError: one of them is not installed.
    """

    def __init__(self, mode: Mode, timeout: float) -> None:
        stages = mode.stages()
        at = next((n for n, s in enumerate(stages) if s.startswith("apertium-tagger ")), None)
        join = next((n for n, s in enumerate(stages) if " -p " in s), len(stages))
        begin = 1 if at is None else at + 1
        self._notes = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the programs run
        self._tagger = None if at is None else Tagger(_arguments(stages[at]))
        parts = (stages[: 1 if at is None else at], stages[begin:join], stages[join:])
        self._parts = [self._spawn(part) for part in parts if part]
        self._counts: list[tuple[int, int]] = []
        self.timeout = max(timeout, START)
        try:
            self.run([Tagged("")])
        except BrokenError as error:
            raise RecipeError(
                f"Mode of Apertium must run, was: {mode.path} ({error}){self._said()}"
            ) from error
        self.timeout = timeout

    def _spawn(self, stages: Sequence[str]) -> Part:
        """One program after another; no shell, which would hold the pipe open after one died."""
        out: Part = []
        for stage in stages:
            program = subprocess.Popen(  # noqa: S603 - the mode is the command
                _arguments(stage),
                stdin=out[-1].stdout if out else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._notes,
                start_new_session=True,  # Ctrl-C is for us: what is under way is ended in order
                env={**os.environ, "LC_ALL": "C.UTF-8"},
            )
            if out:
                _pipe(out[-1].stdout).close()  # so that the program before it meets a broken pipe
            out.append(program)
        return out

    def run(self, texts: Sequence[Tagged]) -> list[Answer]:
        """One answer per text, same order.

        Raises:
            BrokenError: see there; nothing can be run any more.
        """
        blocks = [encode(text, number) + b"\0" for number, text in enumerate(texts)]
        self._counts = []
        threads = [threading.Thread(target=self._write, args=(blocks,), daemon=True)]
        for n, turn in enumerate((self._tag, _outward)[: len(self._parts) - 1]):
            given = (*self._parts[n : n + 2], len(blocks), turn)
            threads.append(threading.Thread(target=self._carry, args=given, daemon=True))
        for thread in threads:
            thread.start()
        answers: list[Answer] = []
        try:
            self._read(blocks, answers)
        except BaseException:
            self.close()
            raise
        finally:
            for thread in threads:
                thread.join()
        return answers

    def _write(self, blocks: Sequence[bytes]) -> None:
        stdin = _pipe(self._parts[0][0].stdin)
        with suppress(OSError, ValueError):  # told by the reader, who sees the pipe end
            for block in blocks:
                stdin.write(block)
            stdin.flush()

    def _carry(
        self, before: Part, after: Part, number: int, turn: Callable[[bytes], bytes]
    ) -> None:
        """From one part of the pipe to the next; if it ends early, all of it does."""
        source, sink = _pipe(before[-1].stdout), _pipe(after[0].stdin)
        with suppress(OSError, ValueError, TaggerDiedError):
            for block in _blocks(source, number):
                sink.write(turn(block))
                sink.flush()
                number -= 1
        if number:
            self.close()

    def _tag(self, block: bytes) -> bytes:
        found = [match.lastindex for match in _UNIT.finditer(block)]
        self._counts.append((found.count(1) - 1, found.count(2)))  # but our own full stop
        return block if self._tagger is None else self._tagger.answer(block)

    def _read(self, blocks: Sequence[bytes], answers: list[Answer]) -> None:
        buffer = bytearray()
        stdout = _pipe(self._parts[-1][-1].stdout)
        with selectors.DefaultSelector() as ready:
            ready.register(stdout, selectors.EVENT_READ)
            while len(answers) < len(blocks):
                allowed = self.timeout + len(blocks[len(answers)]) / _SLOWEST
                end = time.monotonic() + allowed
                while b"\0" not in buffer:
                    # what is there already counts: this process may have been stopped meanwhile
                    if not ready.select(max(0.0, end - time.monotonic())):
                        raise BrokenError(f"no answer in {allowed:.0f} s", answers)
                    part = os.read(stdout.fileno(), _ROOM)
                    if not part:
                        raise BrokenError("the programs ended", answers)
                    buffer += part
                block, _, buffer = buffer.partition(b"\0")
                tagged = decode(bytes(block), len(answers))
                if tagged is None:
                    raise BrokenError("the answer was not to this text", answers)
                answers.append(Answer(tagged, *self._counts[len(answers)]))

    def _said(self) -> str:
        self._notes.seek(0)
        said = self._notes.read()[-300:].decode(errors="replace").strip()
        return f": {said}" if said else ""

    def close(self) -> None:
        """End all programs; may be called again, and by any thread."""
        if self._tagger is not None:
            self._tagger.close()
        for process in chain.from_iterable(self._parts):
            process.kill()
            process.wait()


_OPEN = {"$1": ["-n"], "$2": []}
"""What a mode leaves open: how to generate (-n: no marks on unknown words), how to tag."""


def _arguments(stage: str) -> list[str]:
    return [word for given in shlex.split(stage) for word in _OPEN.get(given, [given])]


def _outward(block: bytes) -> bytes:
    """The block with tags before the generator's marks, and none before punctuation."""
    return _STRAY.sub(b"", _MARK.sub(rb"\2\1", block))


def _blocks(pipe: IO[bytes], number: int) -> Iterator[bytes]:
    """So many blocks with the NUL that ends each; fewer if the pipe ends before."""
    parts: list[bytes] = []
    while number:
        got = os.read(pipe.fileno(), _ROOM)
        if not got:
            return
        while (end := got.find(b"\0") + 1) and number:
            yield b"".join([*parts, got[:end]])
            parts, got = [], got[end:]
            number -= 1
        parts.append(got)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("pipe must be open")
    return pipe
