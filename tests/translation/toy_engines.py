"""Little engines for chains: each does one thing wrong, on texts that hold a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xltpipe.errors import TransientError
from xltpipe.types import Translation

Answer = Callable[[str], Translation]


class Engine:
    """Answers each text by a function, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[str] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        self.asked += texts
        return [self._answer(text) for text in texts]

    def round_trip(self, text: str, source: str, target: str) -> str:
        return text


class Raising(Engine):
    """Fails on a batch that holds a text with this word."""

    def __init__(self, word: str, error: Exception) -> None:
        super().__init__(lambda text: Translation(f"raised {text}"))
        self.word, self.error = word, error
        self.calls = 0

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        self.calls += 1
        if any(self.word in text for text in texts):
            raise self.error
        return super().translate(texts, source, target)


class Losing(Engine):
    """Gives one translation too few, whatever it is asked."""

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        return super().translate(texts, source, target)[1:]


def named(name: str, **fields: object) -> Engine:
    """Writes its name before each text."""
    return Engine(lambda text: Translation(f"{name} {text}" if text else "", **fields))  # type: ignore[arg-type]


AWAY = TransientError("server does not answer")
