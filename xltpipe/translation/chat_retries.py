"""Retries: what a server's failure means for one request, and how long to wait after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from xltpipe.translation.server_faults import LONGEST_WAIT, asked

_MAXIMUM = re.compile(
    r"(?:context length|context size|max_model_len)\D{0,20}(\d{1,15})", re.IGNORECASE
)
# "has 900 input tokens", "(900 in the messages", "contains at least 900 input tokens"
_PROMPT = re.compile(r"(\d{1,15})\s+(?:input tokens|in the messages|in the prompt|prompt tokens)")
_WANTED = re.compile(
    r"(?:requested|request has|resulted in|is)\s+(?:at least\s+)?(\d{1,15})\s+tokens"
)
_LEAST = 16
"""Tokens of an answer below which a shorter limit is not worth trying."""


class AgainError(Exception):
    """The same request may succeed later, `after` so many seconds if the server said."""

    def __init__(self, kind: str, said: str, after: float | None = None) -> None:
        super().__init__(said)
        self.kind, self.after = kind, after


@dataclass(frozen=True, slots=True)
class Overlong:
    """A text that does not fit; the numbers are None where the server did not tell them."""

    holds: int | None
    prompt: int | None
    wanted: int | None

    @property
    def limit(self) -> int | None:
        """The tokens left for an answer, if there are enough of them to be worth asking again."""
        if self.holds is None or self.prompt is None:
            return None
        left = self.holds - self.prompt
        return left if left >= _LEAST else None

    def fault(self, model: str, said: str) -> str:
        """Why the text cannot be translated, with both numbers where they are known."""
        needs = self.prompt if self.prompt is not None else self.wanted
        if self.holds is None or needs is None:
            return f"context: text must fit into {model!r} ({said})"
        return f"context: text needs {needs} tokens, {model!r} holds {self.holds} with the answer"


def overlong(said: str) -> Overlong:
    """What a server says when prompt and answer do not fit into the model's context."""
    return Overlong(*(_number(one, said) for one in (_MAXIMUM, _PROMPT, _WANTED)))


def _number(pattern: re.Pattern[str], said: str) -> int | None:
    found = pattern.search(said)
    return int(found[1]) if found else None


def pause(attempt: int, first: float, after: float | None, random: Random) -> float:
    """Seconds before the next try: full jitter (Brooker, 2015), but not before `after`."""
    spread = random.uniform(0.0, min(LONGEST_WAIT, first * 2.0**attempt))
    return spread if after is None else after + min(spread, max(first, after))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """What the server asks for in Retry-After (seconds or a date); None where it does not."""
    return asked({name.lower(): value for name, value in headers.items()})
