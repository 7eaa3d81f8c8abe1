"""Client: asks a language model's server in batches, and again where it was busy or away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from ssl import SSLCertVerificationError
from typing import TypeVar

from xltpipe.errors import DataError, RecipeError, TransientError, XltError
from xltpipe.json_text import loads
from xltpipe.translation.server_answers import (
    Answer,
    Dialect,
    Json,
    Question,
    Tokens,
    chatted,
    completed,
    model_names,
    prompt_ids,
    prompt_tokens,
)
from xltpipe.translation.server_connections import Connections, Reply
from xltpipe.translation.server_faults import BUSY, LONGEST_WAIT, message, refusal, shown, wait

Prompt = str | Sequence[int]
"""A text, or tokens by id."""

In = TypeVar("In")
Out = TypeVar("Out")


class ServerClient:
    """Asks in batches, several requests at a time: one answer each, same order.

    What is asked of the server never depends on the batch. That its answers do not either is the
    server's part (vLLM: VLLM_BATCH_INVARIANT=1; else sums may differ in the last digits).

    Args:
        attempts: how often a request is sent while the server is busy or away.
        pause: waits for a number of seconds.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        key: str | None,
        concurrency: int,
        timeout: float,
        attempts: int,
        dialect: Dialect,
        template_arguments: Mapping[str, bool | float | str],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        self._url, self._model, self._key = url, model, key
        self._connections = Connections(url, headers=headers, timeout=timeout)
        self._concurrency, self._attempts, self._pause = concurrency, attempts, pause
        self._dialect, self._template = dialect, dict(template_arguments)

    def chat(self, questions: Sequence[Question]) -> list[Answer]:
        """Ask each question as a user's message of its own."""
        return self._each(self._chat, questions)

    def complete(self, questions: Sequence[Question]) -> list[Answer]:
        """Let the model go on with each prompt as it stands, without a chat template."""
        return self._each(self._complete, questions)

    def prompt_log_probs(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        """The tokens of each prompt with the model's log-probability of each."""
        return self._each(self._score, prompts)

    def token_ids(self, prompts: Sequence[str], *, special: bool) -> list[tuple[int, ...]]:
        """Each prompt as the model reads it, with the tokeniser's special tokens or without."""
        return self._each(lambda prompt: self._tokens(prompt, special=special), prompts)

    def served(self) -> list[str]:
        """The names of the models that the server offers."""
        return model_names(self._request("GET", "/models", None))

    def _each(self, ask: Callable[[In], Out], items: Sequence[In]) -> list[Out]:
        if not items:
            return []
        pool = ThreadPoolExecutor(min(self._concurrency, len(items)))
        try:
            return list(pool.map(ask, items))
        finally:
            pool.shutdown(cancel_futures=True)  # after a fault the rest need not be asked

    def _chat(self, question: Question) -> Answer:
        fields: Json = {
            "model": self._model,
            "messages": [{"role": "user", "content": question.prompt}],
            "max_completion_tokens": question.limit,
            "logprobs": True,
            **question.decoding(self._dialect),
        }
        if self._template:
            fields["chat_template_kwargs"] = self._template
        return chatted(self._request("POST", "/chat/completions", fields))

    def _complete(self, question: Question) -> Answer:
        fields = {"prompt": question.prompt, "max_tokens": question.limit, "logprobs": 0}
        return completed(self._completion({**fields, **question.decoding(self._dialect)}))

    def _score(self, prompt: Prompt) -> Tokens:
        # 1 and not 0: some versions of vLLM take 0 for "none wanted". It cannot generate nothing.
        asked = prompt if isinstance(prompt, str) else list(prompt)
        fields = {"prompt": asked, "prompt_logprobs": 1, "return_token_ids": True}
        return prompt_tokens(self._completion({**fields, "max_tokens": 1, "temperature": 0.0}))

    def _tokens(self, prompt: str, *, special: bool) -> tuple[int, ...]:
        fields = {"prompt": prompt, "add_special_tokens": special, "return_token_ids": True}
        return prompt_ids(self._completion({**fields, "max_tokens": 1, "temperature": 0.0}))

    def _completion(self, fields: Json) -> Json:
        return self._request("POST", "/completions", {"model": self._model, **fields})

    def _request(self, method: str, path: str, fields: Json | None) -> Json:
        """Send until the server answers, or `attempts` times.

        Raises:
            TransientError: it was busy or away each time.
            RecipeError, DataError: it refuses, or the reply is not JSON.
        """
        body = None if fields is None else json.dumps(fields).encode()
        fault = ""
        for attempt in range(self._attempts):
            try:
                reply = self._connections.request(method, path, body)
            except SSLCertVerificationError as error:
                raise RecipeError(
                    f"Server {self._url} must have a certificate we trust, was: {error}"
                ) from error
            except (OSError, HTTPException) as error:
                fault, headers = f"{type(error).__name__}: {error}", {}
            else:
                if reply.status == 200:
                    return self._parsed(reply)
                said = self._veiled(message(reply.body))
                if reply.status not in BUSY:
                    raise self._refused(path, reply.status, said)
                fault, headers = f"{reply.status} ({said})", dict(reply.headers)
            seconds = wait(attempt, headers)
            if seconds > LONGEST_WAIT:
                fault += f", to be asked again after {seconds:.0f} s"
                break
            if attempt + 1 < self._attempts:
                self._pause(seconds)
        raise TransientError(
            f"Server {self._url} must answer, was: {fault}; see that it runs and has room, then "
            "run again: what is finished is kept (fewer at a time: concurrency; slow: timeout)"
        )

    def _parsed(self, reply: Reply) -> Json:
        try:
            parsed = loads(reply.body)
        except ValueError as error:
            raise self._garbled(reply) from error
        if not isinstance(parsed, dict):
            raise self._garbled(reply)
        return parsed

    def _garbled(self, reply: Reply) -> DataError:
        text = self._veiled(shown(reply.body.decode("utf-8", "replace")))
        return DataError(f"Server {self._url} must reply with a JSON object, was: {text!r}")

    def _refused(self, path: str, status: int, said: str) -> XltError:
        served = None
        if status == 404 and path != "/models":
            with suppress(XltError):  # it may not tell its models either: then without them
                served = self.served()
        return refusal(self._url, status, said, self._model, served)

    def _veiled(self, text: str) -> str:
        """A server may repeat the key in its message."""
        return text.replace(self._key, "***") if self._key else text
