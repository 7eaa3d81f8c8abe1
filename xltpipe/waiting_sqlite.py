"""SQLite files that several processes and threads open at once."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

_PAUSE = 0.01  # seconds


def opened(path: Path | None, patience: float) -> sqlite3.Connection:
    """A connection in WAL mode, for any thread; no path: in memory.

    It waits `patience` seconds for others that are writing.

    SQLite's own patience does not cover going over to WAL, which whoever comes first does: of two
    that open a new file at once, one would be told that it is locked.

    Raises:
        sqlite3.Error: it cannot be opened, or others have held it for longer.
    """
    connection = sqlite3.connect(
        path or ":memory:", timeout=patience, isolation_level=None, check_same_thread=False
    )
    until = time.monotonic() + patience
    try:
        while not _logged(connection, last=time.monotonic() > until):
            time.sleep(_PAUSE)
        # the kernel has what was written when a process is killed; only a power cut can take the
        # last of it, and never harms the rest
        connection.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _logged(connection: sqlite3.Connection, *, last: bool) -> bool:
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True
