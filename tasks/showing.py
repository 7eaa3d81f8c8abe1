"""Show how far the long stages of a run are where Prefect shows the run."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from xltpipe import progress

log = logging.getLogger("xltpipe.progress")

PAUSE = 2.0
"""Seconds between two looks; a stage that is over by the first one shows no bar."""


def key(run: str, what: str) -> str:
    """Prefect's keys hold lower-case letters, digits and dashes; a run's id may hold more."""
    return re.sub(r"[^a-z0-9]+", "-", f"{run}-{what}".lower())


@contextmanager
def shown(run: str, pause: float = PAUSE) -> Iterator[None]:
    """Keep one progress artifact per long stage of the flow run that this is called in."""
    bars = Bars(run)
    over = threading.Event()

    def look() -> None:
        while not over.wait(pause):
            if not bars.send():
                return

    # the copied context tells Prefect which flow run the artifacts belong to
    thread = threading.Thread(target=copy_context().run, args=(look,), daemon=True)
    thread.start()
    progress.listen(bars)
    try:
        yield
    finally:
        progress.leave(bars)
        over.set()
        thread.join(pause)
        if not thread.is_alive():  # else the server keeps it waiting, and would us, too
            bars.send(started=False)


@dataclass
class Bar:
    """One stage: rows announced and done, and its artifact once there is one."""

    began: float
    total: int = 0
    done: int = 0
    artifact: UUID | None = None
    sent: tuple[int, int] = (-1, -1)

    @property
    def percent(self) -> float:
        return round(100 * min(self.done, self.total) / self.total, 1)

    def words(self, step: str, now: float) -> str:
        rate = self.done / max(1e-3, now - self.began)
        text = f"{step}: {self.done:,} of {self.total:,} rows, {rate:,.0f} rows/s"
        left = (self.total - self.done) / rate if 0 < self.done < self.total else 0
        return f"{text}, about {left:,.0f} s left" if left else text


class Bars:
    """Listens to the progress of this process. Rows are counted here; `send` tells Prefect.

    Prefect is asked by one thread of its own, so that no row waits for a server.
    """

    def __init__(self, run: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._run = run
        self._clock = clock
        self._bars: dict[str, Bar] = {}
        self._lock = threading.Lock()

    def expect(self, step: str, rows: int) -> None:
        with self._lock:
            self._bars.setdefault(step, Bar(self._clock())).total += rows

    def tick(self, step: str, rows: int) -> None:
        with self._lock:
            self._bars.setdefault(step, Bar(self._clock())).done += rows

    def send(self, *, started: bool = True) -> bool:
        """Make or renew the artifacts; False when Prefect would not have it, which is logged.

        With `started=False` bars that are not there yet stay away.
        """
        with self._lock:
            changed = [
                (step, bar)
                for step, bar in self._bars.items()
                if bar.total and bar.sent != (bar.done, bar.total)
            ]
        try:
            for step, bar in changed:
                self._show(step, bar, started=started)
        except Exception as error:  # noqa: BLE001 - a bar less must never undo the work
            log.warning("progress is not shown any more: %s: %s", type(error).__name__, error)
            return False
        return True

    def _show(self, step: str, bar: Bar, *, started: bool) -> None:
        words = bar.words(step, self._clock())
        state = (bar.done, bar.total)
        if bar.artifact is not None:
            update_progress_artifact(bar.artifact, bar.percent, words)
        elif started and bar.done < bar.total:
            made = create_progress_artifact(bar.percent, key(self._run, step), words)
            bar.artifact = cast("UUID", made)  # no coroutine: this thread has no event loop
        bar.sent = state
