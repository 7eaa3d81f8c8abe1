"""A small server that speaks vLLM's protocol over real HTTP: it answers by rule, and fails to order.

Served are /v1/models, /v1/completions (`prompt_logprobs`, `return_token_ids`) and
/v1/chat/completions (`structured_outputs`, `logprobs`); unknown fields are ignored, as vLLM does.
"""

from __future__ import annotations

import difflib
import json
import re
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Lock, Thread
from typing import Any

Json = dict[str, Any]
Rule = Callable[[str, Json], str]
BEGIN = 1  # id of the token before every text
LOG_PROB = -0.25  # of each token of a chat's answer


def cut(text: str) -> list[str]:
    """Words, single other signs, and runs of line breaks, which join over any border."""
    return re.findall(r"\n+|[^\W\d_]+|.", text, re.DOTALL)


def ids(text: str, *, special: bool = True) -> list[int]:
    return [BEGIN] * special + [zlib.crc32(token.encode()) for token in cut(text)]


def log_prob(before: int, token: int) -> float:
    """A probability that depends on both tokens, so that a shift by one would show."""
    return -((before * 31 + token * 17) % 97 + 1) / 10


def said_span(prompt: str) -> str:
    """The part of the source that the standard prompt asks for."""
    found = re.search(r"marked as .*?: (.*?)(?: \(occurrence \d+ of \d+\))?$", prompt, re.MULTILINE)
    assert found, prompt
    return found[1]


def repeat(prompt: str, body: Json) -> str:
    """The rule for texts that are their own translation."""
    return said_span(prompt)


def lookup(**words: str) -> Rule:
    """The rule that translates each span by a list; a blank is written as _."""
    table = {key.replace("_", " "): value for key, value in words.items()}
    return lambda prompt, body: table[said_span(prompt)]


class LlmServer:
    """Requests are kept in `requests`; each of `faults` spoils one, in order.

    A fault is a status (with `retry_after`), or one of garbage, list, slow, close, half.
    """

    def __init__(
        self, rule: Rule = repeat, *, key: str | None = None, honours: bool = True
    ) -> None:
        self.rule, self.key, self.honours = rule, key, honours
        self.models, self.context = ["toy"], 100_000
        self.tells_log_probs = True
        self.alternatives: dict[str, float] = {}  # log-probabilities told in every place if asked
        self.requests: list[tuple[str, Json]] = []
        self.headers: list[dict[str, str]] = []
        self.faults: deque[int | str] = deque()
        self.retry_after: str | None = None
        self.connections = self.most_at_once = self.at_once = 0
        self.pace = 0.0
        self.lock = Lock()
        owner = self

        class Handler(_Handler):
            server_state = owner

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}/v1"

    def bodies(self, path: str) -> list[Json]:
        return [body for where, body in self.requests if where == f"/v1{path}"]

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    # The replies

    def chat(self, body: Json) -> Json:
        prompt = body["messages"][-1]["content"]
        self.check_length(len(ids(prompt)) + body["max_completion_tokens"])
        text = self.rule(prompt, body)
        if self.honours:
            text = held(text, body.get("structured_outputs") or {}, prompt)
        tokens, reason = cut(text), "stop"
        if len(tokens) > body["max_completion_tokens"]:
            tokens, reason = tokens[: body["max_completion_tokens"]], "length"
        most = body.get("top_logprobs", 0)
        told = [{"token": t, "logprob": p} for t, p in self.alternatives.items()][:most]
        content = [{"token": t, "logprob": LOG_PROB, "top_logprobs": told} for t in tokens]
        given = {"content": content} if body.get("logprobs") and self.tells_log_probs else None
        message = {"role": "assistant", "content": "".join(tokens)}
        choice = {"index": 0, "message": message, "logprobs": given, "finish_reason": reason}
        return {"object": "chat.completion", "model": body["model"], "choices": [choice]}

    def complete(self, body: Json) -> Json:
        prompt = body["prompt"]
        special = body.get("add_special_tokens", True)
        tokens = ids(prompt, special=special) if isinstance(prompt, str) else prompt
        self.check_length(len(tokens) + body["max_tokens"])
        text = self.rule(str(prompt), body) if body["max_tokens"] > 1 else "x"
        choice: Json = {"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}
        if body.get("logprobs") is not None:
            choice["logprobs"] = {
                "tokens": cut(text),
                "token_logprobs": [LOG_PROB for _ in cut(text)],
            }
        if body.get("return_token_ids"):
            choice["prompt_token_ids"] = tokens
        if body.get("prompt_logprobs"):
            pairs = pairwise(tokens)
            choice["prompt_logprobs"] = [None, *(likely(a, b) for a, b in pairs)]
        return {"object": "text_completion", "model": body["model"], "choices": [choice]}

    def check_length(self, tokens: int) -> None:
        if tokens > self.context:
            raise RefusedError(
                400,
                f"This model's maximum context length is {self.context} tokens. However, you "
                f"requested {tokens} tokens.",
            )


class RefusedError(Exception):
    pass


def held(text: str, constraint: Json, prompt: str) -> str:
    """What constrained decoding makes of an answer: the nearest one that is allowed."""
    if "choice" in constraint:
        choices = constraint["choice"]
        near = difflib.get_close_matches(text, choices, n=1, cutoff=0.0)
        return text if text in choices else (near or choices)[0]
    if "regex" in constraint and not re.fullmatch(constraint["regex"], text):
        found = re.search(constraint["regex"], prompt.split(": ", 3)[2])
        assert found
        return found[0]
    return text


def likely(before: int, token: int) -> Json:
    """vLLM's entry: the likeliest token and, if it is another, the prompt's own."""
    own = {"logprob": log_prob(before, token), "rank": 2, "decoded_token": "\ufffd"}
    return {"7": {"logprob": -0.01, "rank": 1, "decoded_token": "the"}, str(token): own}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: LlmServer

    def setup(self) -> None:
        super().setup()
        with self.server_state.lock:
            self.server_state.connections += 1

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        size = int(self.headers["Content-Length"])
        self._answer(json.loads(self.rfile.read(size)))

    def _answer(self, body: Json) -> None:
        state = self.server_state
        with state.lock:
            state.requests.append((self.path, body))
            state.headers.append(dict(self.headers))
            fault = state.faults.popleft() if state.faults and self.path != "/v1/models" else None
            state.at_once += 1
            state.most_at_once = max(state.most_at_once, state.at_once)
        try:
            time.sleep(state.pace)
            if fault is None:
                self._serve(body)
            else:
                self._fail(fault)
        finally:
            with state.lock:
                state.at_once -= 1

    def _serve(self, body: Json) -> None:
        state = self.server_state
        if state.key and self.headers.get("Authorization") != f"Bearer {state.key}":
            given = self.headers.get("Authorization")
            self._send(401, {"error": {"message": f"Unauthorized: {given}"}})
        elif self.path == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": m} for m in state.models]})
        elif self.path not in {"/v1/completions", "/v1/chat/completions"}:
            self._send(404, {"detail": "Not Found"})
        elif body["model"] not in state.models:
            message = f"The model `{body['model']}` does not exist."
            self._send(404, {"error": {"message": message, "type": "NotFoundError", "code": 404}})
        else:
            reply = state.chat if self.path.endswith("chat/completions") else state.complete
            try:
                self._send(200, reply(body))
            except RefusedError as error:
                status, message = error.args
                self._send(status, {"error": {"message": message, "code": status}})

    def _fail(self, fault: int | str) -> None:
        if isinstance(fault, int):
            self._send(fault, {"error": {"message": f"told to say {fault}", "code": fault}})
        elif fault == "slow":
            time.sleep(0.6)
            self.close_connection = True
        elif fault in {"garbage", "list"}:
            self._write(200, b"<html>proxy</html>" if fault == "garbage" else b"[]")
        else:  # close: no answer at all; half: one that breaks off
            if fault == "half":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"choices"')
            self.close_connection = True

    def _send(self, status: int, reply: Json) -> None:
        self._write(status, json.dumps(reply).encode())

    def _write(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if status != 200 and self.server_state.retry_after is not None:
            self.send_header("Retry-After", self.server_state.retry_after)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(rule: Rule = repeat, **settings: Any) -> Iterator[LlmServer]:
    server = LlmServer(rule, **settings)
    try:
        yield server
    finally:
        server.stop()


@cache
def shared() -> str:
    """The address of one server for the whole test run, for tests over every component."""
    return LlmServer().url
