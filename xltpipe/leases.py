"""Leases: one builder per key among machines that share nothing but a bucket.

A lease is an object that its holder renews. Nobody compares clocks: who waits takes a lease for
dead when it has not changed for its whole term of the waiter's own watch, or when its holder was
a process of this machine that has ended. Terms are numbered, and a number is given out once
(exclusive creation), so of many who find a lease dead one becomes the next holder.

A holder that was stopped may wake up beside the next one: both then write the same artefact, and
the store lets only a whole one count (`mirrored.py`).
"""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from xltpipe.bucket import Bucket
from xltpipe.errors import XltError
from xltpipe.progress import heed

log = logging.getLogger("xltpipe.store")

FOLDER = ".leases"
TERM = 60.0
"""Seconds after which a lease that nobody renews is dead; it is renewed three times as often."""
_SHORTEST, _LONGEST = 0.1, 2.0
"""Seconds between looks at a lease that another one holds."""


def alive(process: int) -> bool:
    """There is a process of this number on this machine."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@cache
def _host() -> str:
    """This machine, this start of it, and this container: where process numbers mean something."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        space = str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        boot = space = "unknown"
    return f"{socket.gethostname()}/{boot}/{space}"


class Leases:
    """The leases in a bucket; `term` in seconds."""

    def __init__(self, bucket: Bucket, term: float = TERM) -> None:
        self._bucket, self._term = bucket, term

    @contextmanager
    def held(self, key: str) -> Iterator[None]:
        """Hold the lease of a key, waiting for it if need be; it is renewed meanwhile."""
        holder = uuid4().hex
        name = self._wait(key, holder)
        ended = threading.Event()
        renewal = threading.Thread(target=self._renew, args=(name, holder, ended), daemon=True)
        renewal.start()
        try:
            yield
        finally:
            ended.set()
            renewal.join()
            self._release(key, name, holder)

    def _wait(self, key: str, holder: str) -> str:
        """The name of the term that is ours now."""
        seen, since, pause = ("", b""), time.monotonic(), _SHORTEST
        while True:
            last = max(self._bucket.sizes(f"{FOLDER}/{key}"), key=int, default="0")
            content = self._bucket.read(_name(key, int(last))) if last != "0" else b""
            if content is None:
                continue  # given back between the two questions
            heed("wait")
            if (last, content) != seen:
                seen, since = (last, content), time.monotonic()
            dead = last == "0" or _gone(content) or time.monotonic() - since > self._term
            if dead and self._bucket.create(_name(key, int(last) + 1), _body(holder, 0)):
                if last != "0":
                    log.info("lease of %s taken over: its holder was silent", key[:6])
                return _name(key, int(last) + 1)
            time.sleep(pause)
            pause = min(_LONGEST, pause * 1.5)

    def _renew(self, name: str, holder: str, ended: threading.Event) -> None:
        beat = 0
        while not ended.wait(self._term / 3):
            beat += 1
            try:
                self._bucket.write(name, _body(holder, beat))
            except XltError as error:  # another try comes; a lease that is lost does no harm
                log.info("lease %s could not be renewed: %s", name, error)

    def _release(self, key: str, name: str, holder: str) -> None:
        """Take away our term and those before it, which their holders lost."""
        try:
            if _holder(self._bucket.read(name)) != holder:
                return
            ours = int(name.rpartition("/")[2])
            terms = self._bucket.sizes(f"{FOLDER}/{key}")
            self._bucket.remove(_name(key, int(t)) for t in terms if int(t) <= ours)
        except XltError as error:
            log.info("lease %s could not be given back: %s", name, error)


def _name(key: str, term: int) -> str:
    return f"{FOLDER}/{key}/{term}"


def _body(holder: str, beat: int) -> bytes:
    told = {"holder": holder, "host": _host(), "process": os.getpid(), "beat": beat}
    return json.dumps(told).encode()


def _told(content: bytes | None) -> dict[str, object]:
    try:
        told = json.loads(content or b"")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _holder(content: bytes | None) -> object:
    return _told(content).get("holder")


def _gone(content: bytes) -> bool:
    """The holder was a process of this machine, and has ended."""
    told = _told(content)
    process = told.get("process")
    return told.get("host") == _host() and isinstance(process, int) and not alive(process)
