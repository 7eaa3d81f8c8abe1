"""The contract of what answers chats: a server, or a model in this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

from xltpipe.errors import XltError
from xltpipe.translation.chat_request import ChatRequest, Reply

Outcome = Reply | str
"""What came of a request: an answer, or why there can be none for this text (`word: …`)."""

Keep = Callable[[ChatRequest, Reply, float], None]
"""Told of each answer and the seconds it took, before anybody sees it."""


class Gate(Protocol):
    """Lets requests through as far as a budget goes."""

    def take(self, request: ChatRequest) -> bool:
        """Whether it may be sent now; if not, it is asked again when another one is done."""
        ...

    def give_back(self, request: ChatRequest) -> None:
        """One that was taken is answered, or given up."""
        ...

    def exhausted(self) -> XltError:
        """What to raise when nothing is under way and the next one may not go."""
        ...


class Model(Protocol):
    """What answers; `counts` tells what it met on the way."""

    counts: Counter[str]

    def identity(self) -> Mapping[str, str]:
        """What else than its name tells the weights."""
        ...

    def ask(
        self, requests: Iterable[ChatRequest], keep: Keep, gate: Gate
    ) -> Iterator[tuple[ChatRequest, Outcome]]:
        """Each request with what came of it, as they are answered; read from lazily."""
        ...
