"""Requests: one text as it is asked for in a chat, and the reply that came to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from xltpipe.durable import digest_json
from xltpipe.json_text import loads

Json = dict[str, Any]
Message = dict[str, str]
"""`role` (system, user or assistant) and `content`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to decode; `temperature` 0 takes the likeliest token each time."""

    temperature: float
    top_p: float
    seed: int
    limit: int
    """The most tokens of an answer."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is sent for one text; `key` names it by all that decides the answer."""

    key: str
    messages: tuple[Message, ...]
    sampling: Sampling
    fields: Json
    """The body of the request, without what only a server in another process needs."""

    @property
    def size(self) -> int:
        """UTF-8 bytes of the messages: no tokeniser in use makes more tokens than bytes."""
        return sum(len(message["content"].encode()) for message in self.messages)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said; `whole` is False where it met the limit.

    `refused` says that the server or the model declined in the protocol's own field.
    `score` is the mean log-probability per token, None where the server gave none.
    """

    text: str
    whole: bool = True
    refused: bool = False
    tokens_in: int = 0
    tokens_out: int = 0
    score: float | None = None


class GarbledError(Exception):
    """A reply that is no chat completion: cut off, of another protocol, or of another request."""


def request(
    messages: Sequence[Message], sampling: Sampling, more: Json, identity: Mapping[str, object]
) -> ChatRequest:
    """A request of these messages.

    Args:
        more: further fields of the body, `model` among them.
        identity: what else tells the weights that answer, as the server names them.
    """
    fields: Json = {
        **more,
        "messages": list(messages),
        "max_completion_tokens": sampling.limit,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": sampling.seed,
    }
    return ChatRequest(digest_json([fields, dict(identity)]), tuple(messages), sampling, fields)


def replied(body: bytes) -> Reply:
    """The reply in the body of /chat/completions.

    Raises:
        GarbledError: there is none.
    """
    try:
        whole = loads(body)
        choice = next(one for one in whole["choices"] if one.get("index", 0) == 0)
        message, usage = choice["message"], whole.get("usage") or {}
        content = message.get("content") or ""
        ended = choice.get("finish_reason")
        if not isinstance(content, str) or not (content or ended):
            raise GarbledError(f"a chat completion without an answer: {str(whole)[:200]}")
        return Reply(
            # half a surrogate pair is no text: neither a file nor a table could hold it
            text=content.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
            whole=ended != "length",
            refused=bool(message.get("refusal")) or ended == "content_filter",
            tokens_in=int(usage.get("prompt_tokens") or 0),
            tokens_out=int(usage.get("completion_tokens") or 0),
            score=_mean(choice.get("logprobs")),
        )
    except (
        *(ValueError, KeyError, TypeError, AttributeError, StopIteration),
        OverflowError,  # infinitely many tokens
    ) as error:
        shown = body[:200].decode("utf-8", "replace")
        raise GarbledError(f"no chat completion ({type(error).__name__}): {shown!r}") from error


def _mean(given: object) -> float | None:
    content = given.get("content") if isinstance(given, dict) else None
    if not content:
        return None
    numbers = [float(token["logprob"]) for token in content]
    mean = sum(numbers) / len(numbers)
    return mean if isfinite(mean) else None
