"""Answers that were paid for: each is on the disk before anybody looks at it.

One SQLite file in WAL mode per store: a process that is killed loses no answer that it had read,
and processes beside each other share them. (WAL needs a local disk, not a network file system.)
"""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from xltpipe.errors import DataError
from xltpipe.translation.chat_request import Reply
from xltpipe.waiting_sqlite import opened

FILE = "answers.sqlite"
_PATIENCE = 60.0  # seconds to wait for another process that is writing

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL, whole INTEGER NOT NULL,
    refused INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,
    score REAL, bytes_in INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spent (
    owner TEXT PRIMARY KEY, requests INTEGER NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL, bytes_in INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID;
"""
_SPEND = """
INSERT INTO spent VALUES (?, 1, ?, ?, ?, ?) ON CONFLICT (owner) DO UPDATE SET
    requests = requests + 1, tokens_in = tokens_in + excluded.tokens_in,
    tokens_out = tokens_out + excluded.tokens_out, bytes_in = bytes_in + excluded.bytes_in,
    seconds = seconds + excluded.seconds
"""


class Spent(NamedTuple):
    """What one owner has had answered; `bytes_in` of messages, `seconds` of waiting in all."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    bytes_in: int = 0
    seconds: float = 0.0


class Answers(AbstractContextManager["Answers"]):
    """The answers in one folder; without a folder they last as long as the object.

    Args:
        owner: who asks: settings that are told apart when what they spent is added up.

    Raises:
        DataError: the folder cannot be written.
    """

    def __init__(self, folder: Path | None, owner: str) -> None:
        self.owner, self._lock = owner, Lock()
        self.path = None if folder is None else folder / FILE
        try:
            if folder is not None:
                folder.mkdir(parents=True, exist_ok=True)
            # used by the thread that asks and the one that reads, one at a time
            self._base = opened(self.path, _PATIENCE)
            self._base.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise DataError(
                f"Answers must be kept in a folder that can be written, was: {folder} ({error})"
            ) from error

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._base.close()

    def get(self, key: str) -> Reply | None:
        """The answer to a request that was sent before.

        Raises:
            DataError: the file is damaged.
        """
        row = self._read(
            "SELECT text, whole, refused, tokens_in, tokens_out, score FROM answers WHERE key = ?",
            key,
        )
        if row is None:
            return None
        return Reply(row[0], bool(row[1]), bool(row[2]), row[3], row[4], row[5])

    def put(self, key: str, reply: Reply, *, bytes_in: int, seconds: float) -> None:
        """Write an answer down, and what it cost; both or neither.

        Raises:
            DataError: the disk is full or away.
        """
        spent = [self.owner, reply.tokens_in, reply.tokens_out, bytes_in, seconds]
        said = [reply.text, reply.whole, reply.refused, reply.tokens_in, reply.tokens_out]
        try:
            with self._lock, self._base:
                self._base.execute("BEGIN IMMEDIATE")
                self._base.execute(
                    "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [key, self.owner, *said, reply.score, bytes_in, seconds],
                )
                self._base.execute(_SPEND, spent)
        except sqlite3.Error as error:
            raise DataError(
                f"Answers must be kept before they are used, was: {self.path} ({error}); "
                "free some space and run again"
            ) from error

    def spent(self) -> Spent:
        """What this owner's answers cost, in all processes that use the folder.

        Raises:
            DataError: the file is damaged.
        """
        row = self._read(
            "SELECT requests, tokens_in, tokens_out, bytes_in, seconds FROM spent WHERE owner = ?",
            self.owner,
        )
        return Spent(*(row or ()))

    def _read(self, sql: str, name: str) -> tuple[Any, ...] | None:
        try:
            with self._lock:
                found: tuple[Any, ...] | None = self._base.execute(sql, [name]).fetchone()
        except sqlite3.Error as error:
            raise DataError(
                f"File of answers must be readable, was: {self.path} ({error}); move it away to "
                "begin anew: what it holds is then asked and paid for again"
            ) from error
        return found


def spent(folder: Path, owner: str) -> Spent | None:
    """What an owner has spent so far; None where nothing was ever asked. Creates nothing."""
    if not (folder / FILE).is_file():
        return None
    with Answers(folder, owner) as answers:
        found = answers.spent()
    return found if found.requests else None
