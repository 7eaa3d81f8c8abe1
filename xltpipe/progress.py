"""Progress and stopping: long steps tick here; whoever shows progress listens."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from xltpipe.veil import veiled


class Stopped(BaseException):
    """The run was asked to stop. Not an Exception, so that no handler mistakes it for a fault."""


class Listener(Protocol):
    def expect(self, step: str, rows: int) -> None: ...
    def tick(self, step: str, rows: int) -> None: ...


class _State:
    listeners: tuple[Listener, ...] = ()
    leading = False


_state = _State()
_news_lock = threading.Lock()
_stop = threading.Event()
made: Counter[str] = Counter()
"""Artefacts built by this process, by stage."""
reused: Counter[str] = Counter()
"""Artefacts found complete on the shelf, by stage."""
notes: list[str] = []
"""What a person should be told when the run is over: choices made, things left out."""
unheard: Counter[str] = Counter()
"""Rows done while nobody listened, by step."""


@dataclass
class News:
    """What happened in a process that works for another one."""

    made: Counter[str] = field(default_factory=Counter)
    reused: Counter[str] = field(default_factory=Counter)
    rows: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def lead() -> None:
    """This process conducts a run and keeps its own counts; others' come as news."""
    _state.leading = True


def news() -> News:
    """What happened in this process and was not told yet; nothing where it leads.

    Whoever asks first takes what others did beside it: no task's news are its own, but their sum
    is that of the process.
    """
    if _state.leading:
        return News()
    with _news_lock:
        told = News(Counter(made), Counter(reused), Counter(unheard), list(notes))
        for counted in (made, reused, unheard):
            counted.clear()
        notes.clear()
    return told


def hear(told: News) -> None:
    """Take another process's news for our own."""
    with _news_lock:
        made.update(told.made)
        reused.update(told.reused)
    for step, rows in told.rows.items():
        tick(step, rows)
    for text in told.notes:
        note(text)


class Noting(logging.Handler):
    """Makes notes of a log's warnings, such as a damaged shard that was built again."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        note(record.getMessage())


def listen(listener: Listener | None) -> None:
    """Show progress through this listener, too, from now on; None ends all of them."""
    _state.listeners = () if listener is None else (*_state.listeners, listener)


def leave(listener: Listener) -> None:
    """Show progress through this listener no more."""
    _state.listeners = tuple(one for one in _state.listeners if one is not listener)


def stop() -> None:
    """Ask every running step to end at its next tick; what is complete stays on the shelf."""
    _stop.set()


def resume() -> None:
    """Take back `stop`."""
    _stop.clear()


def expect(step: str, rows: int) -> None:
    """Announce work, so that a remaining time can be told."""
    for listener in _state.listeners:
        listener.expect(step, rows)


def note(text: str) -> None:
    """Say something at the end of the run, once."""
    text = veiled(text)
    if text not in notes:
        notes.append(text)


def tick(step: str, rows: int) -> None:
    """Report rows done.

    Raises:
        Stopped: somebody called `stop`.
    """
    heed(step)
    if not _state.listeners:
        unheard[step] += rows
    for listener in _state.listeners:
        listener.tick(step, rows)


def heed(step: str) -> None:
    """Go on only if nobody called `stop`.

    Raises:
        Stopped: somebody did.
    """
    if _stop.is_set():
        raise Stopped(step)
