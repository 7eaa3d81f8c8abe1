"""Pool: the pipelines of this process, started when they are needed and kept for the next texts."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from xltpipe.translation.apertium_modes import Mode
from xltpipe.translation.apertium_pipeline import Answer, BrokenError, Pipeline
from xltpipe.translation.tags import Tagged

_idle: dict[tuple[int, Mode], list[Pipeline]] = {}
_lock = Lock()


# Held over a fork: a child must not inherit a lock that a thread of its parent was holding.
os.register_at_fork(
    before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
)


def answers(mode: Mode, timeout: float, texts: Sequence[Tagged]) -> list[Answer | str]:
    """An answer for each text, same order, or why there is none.

    Where the programs end or stand still, they are started again and given the first text that was
    not answered by itself; if they fail on it again, it is at fault. The others are not lost.
    """
    out: list[Answer | str] = []
    while len(out) < len(texts):
        try:
            out += _run(mode, timeout, texts[len(out) :])
        except BrokenError as error:
            out += error.answers
            out.append(_alone(mode, timeout, texts[len(out)]))
    return out


def _alone(mode: Mode, timeout: float, text: Tagged) -> Answer | str:
    try:
        return _run(mode, timeout, [text])[0]
    except BrokenError as error:
        return f"engine_died: {error}"


def _run(mode: Mode, timeout: float, texts: Sequence[Tagged]) -> list[Answer]:
    with _pipeline(mode, timeout) as pipeline:
        return pipeline.run(texts)


@contextmanager
def _pipeline(mode: Mode, timeout: float) -> Iterator[Pipeline]:
    """A pipeline for one thread; kept afterwards, unless it broke.

    Those of a parent process are never used in a forked child: both would read the same answers.
    """
    key = (os.getpid(), mode)
    with _lock:
        waiting = _idle.setdefault(key, [])
        pipeline = waiting.pop() if waiting else None
    if pipeline is None:
        pipeline = Pipeline(mode, timeout)
    pipeline.timeout = timeout
    yield pipeline
    with _lock:
        _idle[key].append(pipeline)


@atexit.register
def _close() -> None:
    for (process, _), pipelines in list(_idle.items()):
        if process == os.getpid():
            for pipeline in pipelines:
                pipeline.close()
