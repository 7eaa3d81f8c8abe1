"""Progress and stopping: long steps tick here; whoever shows progress listens."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Protocol

from xltpipe.veil import veiled


class Stopped(BaseException):
    """The run was asked to stop. Not an Exception, so that no handler mistakes it for a fault."""


class Listener(Protocol):
    def expect(self, step: str, rows: int) -> None: ...
    def tick(self, step: str, rows: int) -> None: ...


class _State:
    listeners: tuple[Listener, ...] = ()


_state = _State()
_stop = threading.Event()
made: Counter[str] = Counter()
"""Artefacts built by this process, by stage."""
reused: Counter[str] = Counter()
"""Artefacts found complete on the shelf, by stage."""
notes: list[str] = []
"""What a person should be told when the run is over: choices made, things left out."""


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
    if _stop.is_set():
        raise Stopped(step)
    for listener in _state.listeners:
        listener.tick(step, rows)
