"""A server of the OpenAI protocol over real sockets that answers many chats at once, and fails to order.

In a thread of the tests (`serving`), or as a process that can be killed:
`python -m tests.chat_server PORT LOG LATENCY`.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

Json = dict[str, Any]
Rule = Callable[[Json], str | Json]
"""The answer to a body: its text, or parts of the choice (`content`, `finish_reason`, `refusal`)."""
Fault = int | str
"""A status, or one of garbage, list, empty, hang, half, close, twice, swap."""

SPOILT = {"garbage": b"<html>proxy</html>", "list": b"[]", "empty": b'{"choices": []}'}


def sent_text(body: Json) -> str:
    """The text to be translated, out of any of our prompts."""
    content = body["messages"][-1]["content"]
    if body["messages"][0]["role"] != "system":
        return content.split("\n")[-2].split(": ", 1)[1]
    if content.startswith("{"):
        return json.loads(content)["text"]
    return re.fullmatch(r"<(text-\w+)>\n(.*)\n</\1>", content, re.DOTALL)[2]


def turned(text: str) -> str:
    """A translation that belongs to its text alone: each word backwards, all else in its place."""
    return re.sub(r"[^\W\d_]+", lambda word: word[0][::-1], text)


def said(body: Json, text: str) -> str:
    """As an answer to this body: in JSON if it asks for that."""
    asked = "response_format" in body
    return json.dumps({"translation": text}, ensure_ascii=False) if asked else text


def translate(body: Json) -> str:
    return said(body, turned(sent_text(body)))


class ChatServer:
    """Answers by `rule`, each after `latency` seconds; each of `faults` spoils one request."""

    def __init__(self, rule: Rule = translate, *, latency: float = 0.0, port: int = 0) -> None:
        self.rule, self.latency = rule, latency
        self.models: list[Json] | None = [{"id": "toy", "root": "weights-1"}]
        self.key: str | None = None
        self.context: int | None = None
        self.echoes = True
        self.retry_after: str | None = None
        self.faults: deque[Fault] = deque()
        self.fault_rate, self.fault_kinds = 0.0, ["close"]
        self.fault_text = ""
        self.random = random.Random(1)
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.answered: Counter[str] = Counter()
        self.at_once = self.most_at_once = 0
        self.log: Path | None = None
        self._held: list[tuple[asyncio.StreamWriter, bytes]] = []
        self._port, self._ready = port, Event()

    # Life

    def start(self) -> None:
        self._ready.clear()
        self._thread = Thread(target=lambda: asyncio.run(self.serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    async def serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self._port, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for writer in list(self._open):
            writer.transport.abort()

    # Requests

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        path = first.split()[1]
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            said = f"bad key: {headers.get('authorization')}"
            return await self._send(writer, 401, {"error": {"message": said}})
        if path == "/v1/models" and self.models is not None:
            return await self._send(writer, 200, {"object": "list", "data": self.models})
        if path != "/v1/chat/completions":
            return await self._send(writer, 404, {"detail": "Not Found"})
        body = json.loads(data)
        self.bodies.append(body)
        self.headers.append(headers)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.latency)
            return await self._chat(writer, body, headers.get("x-request-id", ""))
        finally:
            self.at_once -= 1

    def _fault(self) -> Fault | None:
        if self.faults:
            return self.faults.popleft()
        if self.fault_rate and self.random.random() < self.fault_rate:
            return self.random.choice(self.fault_kinds)
        return None

    async def _chat(self, writer: asyncio.StreamWriter, body: Json, mark: str) -> bool:
        fault = self._fault()
        if isinstance(fault, int):
            said = self.fault_text or f"told to say {fault}"
            return await self._send(writer, fault, {"error": {"message": said}})
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "close":
            return False
        if fault in SPOILT:
            return await self._write(writer, 200, SPOILT[fault])
        return await self._reply_to(writer, body, mark, fault)

    async def _reply_to(
        self, writer: asyncio.StreamWriter, body: Json, mark: str, fault: Fault | None
    ) -> bool:
        refused = self._refused(body)
        if refused is not None:
            return await self._send(writer, *refused)
        content = json.dumps(self._reply(body, mark), ensure_ascii=False).encode()
        if fault == "half":
            whole = self._packed(200, content)
            writer.write(whole[: len(whole) - 20])
            await writer.drain()
            return False
        if fault == "swap":  # two requests, each with the answer to the other
            self._held.append((writer, content))
            if len(self._held) == 2:
                (first, one), (second, other) = self._held
                self._held = []
                for where, what in ((first, other), (second, one)):
                    where.write(self._packed(200, what))
                    await where.drain()
            return True
        await self._write(writer, 200, content)
        if fault == "twice":
            await self._write(writer, 200, content)
        where = sent_text(body) if self.log is None else json.dumps(body, sort_keys=True)
        self.answered[where] += 1
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(where + "\n")
        return True

    def _refused(self, body: Json) -> tuple[int, Json] | None:
        if self.models is not None and body["model"] not in {m["id"] for m in self.models}:
            said = f"The model `{body['model']}` does not exist."
            return 404, {"error": {"message": said, "type": "NotFoundError", "code": 404}}
        prompt, limit = tokens(body), body["max_completion_tokens"]
        if self.context is not None and prompt + limit > self.context:
            said = (
                f"'max_tokens' or 'max_completion_tokens' is too large: {limit}. This model's "
                f"maximum context length is {self.context} tokens and your request has {prompt} "
                f"input tokens ({limit} > {self.context} - {prompt})."
            )
            return 400, {"error": {"message": said, "code": 400}}
        return None

    def _reply(self, body: Json, mark: str) -> Json:
        given = self.rule(body)
        parts: Json = {"content": given} if isinstance(given, str) else dict(given)
        ended = parts.pop("finish_reason", "stop")
        counted = {
            "prompt_tokens": tokens(body),
            "completion_tokens": len(str(parts["content"]).split()),
        }
        choice = {"index": 0, "message": {"role": "assistant", **parts}, "finish_reason": ended}
        if body.get("logprobs"):
            choice["logprobs"] = {"content": [{"token": "x", "logprob": -0.5}]}
        return {
            "id": f"chatcmpl-{mark if self.echoes else 'none'}",
            "object": "chat.completion",
            "choices": [choice],
            "usage": counted,
        }

    async def _send(self, writer: asyncio.StreamWriter, status: int, reply: Json) -> bool:
        return await self._write(writer, status, json.dumps(reply).encode())

    async def _write(self, writer: asyncio.StreamWriter, status: int, content: bytes) -> bool:
        writer.write(self._packed(status, content))
        await writer.drain()
        return True

    def _packed(self, status: int, content: bytes) -> bytes:
        after = f"Retry-After: {self.retry_after}\r\n" if status != 200 and self.retry_after else ""
        head = f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\n{after}"
        return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def tokens(body: Json) -> int:
    """Tokens of a prompt, by words."""
    return sum(len(message["content"].split()) for message in body["messages"])


@contextmanager
def serving(rule: Rule = translate, **settings: Any) -> Iterator[ChatServer]:
    server = ChatServer(rule, **settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@cache
def shared() -> str:
    """The address of one server for the whole test run, for tests over every component."""
    server = ChatServer()
    server.start()
    return server.url


def main(port: str, log: str, latency: str) -> None:
    server = ChatServer(latency=float(latency), port=int(port))
    server.log = Path(log)
    asyncio.run(server.serve())


if __name__ == "__main__":
    main(*sys.argv[1:])
