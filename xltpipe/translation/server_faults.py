"""Faults: what a server's refusal means for the run, and how long to wait before a new try."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from math import isfinite

from xltpipe.errors import DataError, RecipeError, XltError
from xltpipe.json_text import loads

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same request may succeed a little later."""

LONGEST_WAIT = 60.0
"""Seconds that a client waits between two tries; a server that asks for more gets none."""

_FIRST_WAIT = 0.5
_SHOWN = 500  # characters of a server's message; some repeat the whole request
# What vLLM, OpenAI and llama.cpp say when a text is too long for the model.
_TOO_LONG = ("context length", "context_length", "context size", "max_model_len", "too long")


def wait(attempt: int, headers: Mapping[str, str]) -> float:
    """Seconds before the next try: what the server asks for (Retry-After), else doubling."""
    seconds = asked(headers)
    return seconds if seconds is not None else float(min(LONGEST_WAIT, _FIRST_WAIT * 2**attempt))


def asked(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait (Retry-After); None where it does not, or not clearly.

    Args:
        headers: by name in lower case.
    """
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None  # not a date either, or one without a zone: as if it were not there
    return max(0.0, seconds) if isfinite(seconds) else None


def message(body: bytes) -> str:
    """The server's own words, in the OpenAI protocol's place for them or as they came."""
    text = body.decode("utf-8", "replace").strip()
    try:
        said = loads(text)
    except ValueError:
        return shown(text)
    if isinstance(said, dict):
        error = said.get("error", said)  # vLLM before 0.10 has no "error" around it
        text = str(error.get("message") or error) if isinstance(error, dict) else str(error)
    return shown(text)


def shown(text: str) -> str:
    """The text as far as a message has room for it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} …"


def too_long(status: int, said: str) -> bool:
    """The server says that the request does not fit into the model's context."""
    return status == 413 or (
        status in {400, 422} and any(words in said.lower() for words in _TOO_LONG)
    )


def refusal(url: str, status: int, said: str, model: str, served: Sequence[str] | None) -> XltError:
    """The error for a request that the server will refuse again.

    `served` are the models it offers, None if it did not tell.
    """
    if status in {401, 403}:
        return RecipeError(
            f"Server {url} must accept our key, was: {status} ({said}); "
            "give the file that holds its key as api_key_file"
        )
    if too_long(status, said):
        return DataError(
            f"Text must fit into the context of {model!r}, was: {status} ({said}); serve it with "
            'a longer --max-model-len, or leave such rows out with on_error = "quarantine"'
        )
    named = status == 404 or (
        status in {400, 422} and ("model" in said.lower() or repr(model) in said)
    )
    if named and served is not None and model not in served:
        return RecipeError(
            f"Model must be one that {url} serves, was: {model!r}; "
            f"it serves {', '.join(map(repr, served)) or 'none'}"
        )
    if status in {301, 302, 303, 307, 308, 404, 405}:
        return RecipeError(
            f"Server {url} must be the base of an OpenAI-compatible API (most end with /v1), "
            f"was: {status} ({said})"
        )
    return RecipeError(
        f"Server {url} must accept the request, was: {status} ({said}); "
        'one that refuses fields it does not know may need dialect = "openai"'
    )
