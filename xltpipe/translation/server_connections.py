"""Connections: one HTTP server, spoken to by many threads over connections kept alive."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
    RemoteDisconnected,
)
from threading import Lock
from urllib.parse import urlsplit

# A connection that lay idle may have been closed by the server: asking again is then no retry.
_STALE = (RemoteDisconnected, BrokenPipeError, ConnectionResetError, ConnectionAbortedError)


MOST = 1 << 26
"""Bytes of one answer: 64 MiB, log-probabilities of a long prompt included."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Idle connections to one server; each is used by one thread at a time.

    Proxies named by the environment are not used: the address in the recipe is the one called.

    Args:
        url: `http(s)://host[:port][/path]`; requests go to paths below it.
        headers: sent with every request; they may hold a key and are never shown.
        timeout: seconds without a byte after which the server counts as away.
    """

    def __init__(self, url: str, *, headers: Mapping[str, str], timeout: float) -> None:
        parts = urlsplit(url)
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = parts.path.rstrip("/")
        self._headers, self._timeout = dict(headers), timeout
        self._idle: list[HTTPConnection] = []
        self._owner, self._lock = os.getpid(), Lock()

    def request(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """Ask once and read the whole answer.

        Raises:
            OSError, http.client.HTTPException: the server is away, or broke off.
        """
        connection = self._take()
        if connection is not None:
            try:
                return self._ask(connection, method, path, body)
            except _STALE:
                connection.close()
        return self._ask(self._new(), method, path, body)

    def close(self) -> None:
        """Close what lies idle; the next request opens a new connection."""
        while (connection := self._take()) is not None:
            connection.close()

    def _ask(self, connection: HTTPConnection, method: str, path: str, body: bytes | None) -> Reply:
        try:
            connection.request(method, f"{self._path}{path}", body, self._headers)
            answer = connection.getresponse()
            content = _bounded(answer)
        except BaseException:
            connection.close()  # half an answer would be taken for the next one's beginning
            raise
        self._put_back(connection, answer)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, headers, content)

    def _take(self) -> HTTPConnection | None:
        with self._lock:
            if self._owner != os.getpid():  # a fork shares its parent's sockets: leave them alone
                self._idle, self._owner = [], os.getpid()
            return self._idle.pop() if self._idle else None

    def _put_back(self, connection: HTTPConnection, answer: HTTPResponse) -> None:
        if answer.will_close:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def _new(self) -> HTTPConnection:
        kind = HTTPSConnection if self._secure else HTTPConnection
        return kind(self._host or "", self._port, timeout=self._timeout)


def _bounded(answer: HTTPResponse) -> bytes:
    """The whole answer; one without end is taken for a broken connection."""
    told = answer.length is not None and answer.length <= MOST
    # without a bound http.client sees to it that all that was told comes; with one it does not
    content = answer.read() if told else answer.read(MOST + 1)
    if len(content) > MOST:
        raise HTTPException(f"an answer of more than {MOST:,} bytes")
    if answer.length:  # what `read` tells only where it is given no limit
        raise IncompleteRead(content, answer.length)
    return content
