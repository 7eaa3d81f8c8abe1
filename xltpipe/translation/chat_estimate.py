"""Estimates: what asking for texts will take, without asking for any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xltpipe.translation.vllm import Vllm

_BYTES, _GROWTH = 4.0, 1.3
"""UTF-8 bytes a token, and target tokens per source token, where nothing was ever asked: near what
tokenisers of large vocabularies make of European languages; other scripts take more tokens."""

_FRAME = 12
"""Tokens of a chat template around a conversation, and of JSON around an answer."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Tokens in and out, seconds (None before the first answers), price (None without one).

    `measured` says that they follow from answers to these settings, not from a rule of thumb.
    """

    tokens_in: int
    tokens_out: int
    seconds: float | None
    price: float | None
    currency: str | None
    measured: bool


def expect(
    spec: Vllm, texts: Sequence[str], pair: tuple[str, str], cache: Path, times: float = 1.0
) -> Expected:
    """What asking for `times` as many texts as these takes, each once; nothing is sent.

    Args:
        cache: the folder with the answers so far, whose tokens and seconds are gone by.
    """
    prompter = spec.prompter(*pair)
    asked = [text for text in texts if text and not text.isspace()]
    size = sum(
        len(message["content"].encode())
        for text in asked
        for message in prompter.ask(text).messages
    )
    spent = spec.spent(cache)
    seconds = None
    if spent is not None and spent.tokens_in:
        tokens_in = size * spent.tokens_in / max(1, spent.bytes_in)
        tokens_out = len(asked) * spent.tokens_out / spent.requests
        beside = min(spec.concurrency, max(1.0, len(asked) * times)) if spec.url else 1
        seconds = len(asked) * times * spent.seconds / spent.requests / beside
    else:
        tokens_in = size / _BYTES + _FRAME * len(asked)
        given = sum(len(text.encode()) for text in asked) / _BYTES
        tokens_out = given * _GROWTH + _FRAME * len(asked)
    tokens = round(tokens_in * times), round(tokens_out * times)
    rate = spec.rate
    price = None if rate is None else rate.of(*tokens)
    currency = None if rate is None else rate.currency
    return Expected(*tokens, seconds, price, currency, measured=seconds is not None)
