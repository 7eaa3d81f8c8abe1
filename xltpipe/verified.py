"""What was verified: artefacts whose files are, by the file system's word, those that were hashed.

Hashing all files of a large store at each run costs more than the run. The index remembers of each
artefact of Parquet files a digest over its key, rows, and the inode, size, mtime and ctime of each
file, as they were before they were hashed. Whatever changes a file through the kernel changes its
ctime, which no program can set back: then the artefact is hashed again. What changes bytes below
the file system (a decaying disk) is met where it would do harm: `Store.read` hashes what it reads.
Artefacts with other files (models) are not read that way, so they are hashed at each run.

The index is a cache of this machine; without it, or with a damaged one, everything is hashed anew.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from xltpipe.waiting_sqlite import opened

log = logging.getLogger("xltpipe.store")

T = TypeVar("T")
Stamps = list[tuple[str, int, int, int, int]]
"""Of each file of a folder: its relative path, inode, size, mtime and ctime in ns."""


def stamps(folder: str, prefix: str = "") -> Stamps | None:
    """What the file system says of each file below a folder; None where there is none."""
    found: Stamps = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found += stamps(entry.path, f"{prefix}{entry.name}/") or []
                    continue
                seen = entry.stat()
                times = (seen.st_mtime_ns, seen.st_ctime_ns)
                found.append((prefix + entry.name, seen.st_ino, seen.st_size, *times))
    except OSError:
        return None
    return sorted(found)


class Verified:
    """The index in a SQLite file; one that cannot be used is done without."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._usable = True
        self._owner = 0

    def rows(self, key: str, found: Stamps) -> int | None:
        """The rows of an artefact that was verified with just these files; None: hash it."""
        row = self._asked(
            lambda c: c.execute(
                "SELECT rows, digest FROM verified WHERE key = ?", (key,)
            ).fetchone()
        )
        if row is None or row[1] != _digest(key, row[0], found):
            return None
        return int(row[0])

    def note(self, key: str, rows: int, found: Stamps) -> None:
        """Remember an artefact whose files had these stamps before they were found true."""
        if any(not name.endswith(".parquet") for name, *_ in found if name != "manifest.json"):
            return
        row = (key, rows, _digest(key, rows, found))
        self._asked(lambda c: c.execute("INSERT OR REPLACE INTO verified VALUES (?, ?, ?)", row))

    def forget(self, key: str) -> None:
        """Have an artefact hashed when it is asked for next."""
        row = (key,)
        self._asked(lambda c: c.execute("DELETE FROM verified WHERE key = ?", row))

    def _asked(self, ask: Callable[[sqlite3.Connection], T]) -> T | None:
        with self._lock:
            if not self._usable:
                return None
            try:
                return ask(self._opened())
            except sqlite3.DatabaseError as error:
                self._give_up(error)
        return None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None or self._owner != os.getpid():  # not for forked children
            self._owner = os.getpid()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = opened(self.path, patience=10)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS verified (key TEXT PRIMARY KEY, rows INTEGER, "
                "digest BLOB) WITHOUT ROWID"
            )
            self._connection = connection
        return self._connection

    def _give_up(self, error: Exception) -> None:
        """Go on without the index; one that is damaged is removed, so that the next is whole."""
        self._usable = False
        if self._connection is not None:
            self._connection.close()
        if isinstance(error, sqlite3.OperationalError):  # locked, read-only, no space: not damaged
            log.info("%s cannot be used (%s): all files are hashed", self.path, error)
            return
        log.info("%s is damaged (%s): it begins anew", self.path, error)
        for end in ("", "-wal", "-shm"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)


def _digest(key: str, rows: int, found: Stamps) -> bytes:
    return hashlib.blake2b(repr((key, rows, found)).encode(), digest_size=16).digest()
