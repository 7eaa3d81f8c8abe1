"""Servers whose answers have no end, or unpack to more than they are."""

from __future__ import annotations

import gzip
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from xltpipe.errors import TransientError
from xltpipe.translation import Vllm, chat_transport, server_connections
from xltpipe.translation.server_answers import Question
from xltpipe.translation.server_client import ServerClient


class Endless(BaseHTTPRequestHandler):
    """Says its models, and answers every chat with `packed` bytes or without end."""

    packed: ClassVar[bytes] = b""
    sent: ClassVar[int] = 0

    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": "toy"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        if self.packed:
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(self.packed)))
        self.end_headers()
        try:
            if self.packed:
                self.wfile.write(self.packed)
                return
            while True:
                Endless.sent += self.wfile.write(b" " * 65536)
        except OSError:  # the client has had enough
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def serving(packed: bytes = b"") -> Iterator[str]:
    Endless.packed, Endless.sent = packed, 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    assert isinstance(server, socketserver.ThreadingMixIn)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_transport, "MOST", 1 << 20)
    monkeypatch.setattr(server_connections, "MOST", 1 << 20)


def _chat(url: str) -> None:
    given = Vllm.model_validate({"url": url, "model": "toy", "attempts": 2, "backoff": 0.01})
    given.build("eng", "spa").translate(["a dog"], "eng", "spa")


def _ask(url: str) -> None:
    client = ServerClient(
        url, "toy", key=None, concurrency=1, timeout=5.0, attempts=2, dialect="vllm",
        template_arguments={}, pause=lambda _: None,
    )  # fmt: skip
    client.chat([Question("Say it.", 8)])


def test_a_chat_without_end_is_a_broken_connection() -> None:
    with serving() as url, pytest.raises(TransientError, match="more than 1,048,576 bytes"):
        _chat(url)
    assert Endless.sent < 64 << 20


def test_an_answer_without_end_is_a_broken_connection() -> None:
    with serving() as url, pytest.raises(TransientError, match="more than 1,048,576 bytes"):
        _ask(url)
    assert Endless.sent < 64 << 20


def test_a_packed_answer_is_not_unpacked() -> None:
    bomb = gzip.compress(b" " * (1 << 24)) * 16
    assert len(bomb) < 1 << 20
    with serving(bomb) as url, pytest.raises(TransientError, match="packed by 'gzip'"):
        _chat(url)
