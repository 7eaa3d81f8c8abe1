"""JSON from elsewhere: whatever is wrong with it is one kind of error.

Python's own `loads` raises RecursionError where brackets nest some thousand deep, and ValueError
where a number has more than 4,300 digits; neither is a fault of ours, nor a traceback's worth.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

_SHOWN = 80
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+')

Path = tuple[str | int, ...]
"""The keys and numbers that lead to a value."""


def loads(text: str | bytes, *, constant: Callable[[str], Any] | None = None) -> Any:
    """The value of a JSON text; `constant` is asked for the value of NaN and Infinity.

    Raises:
        JSONDecodeError: the text is not JSON, or nests too deep, or holds too long a number.
        UnicodeDecodeError: the bytes are no text.
    """
    try:
        return json.loads(text, parse_constant=constant)
    except RecursionError as error:
        raise json.JSONDecodeError("Nested too deep", "", 0) from error
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:
        raise json.JSONDecodeError(f"Not readable ({str(error)[:60]})", "", 0) from error


def shown(value: object) -> str:
    """The beginning of a value as JSON, for messages."""
    try:
        return json.dumps(value, ensure_ascii=False)[:_SHOWN]
    except (RecursionError, ValueError, TypeError):
        return f"a {type(value).__name__} that nests too deep"


def extents(text: str, deep: int) -> Iterator[tuple[Path, int, int]]:
    """Where the values of a JSON text stand, which `loads` has taken, at most `deep` keys deep.

    Containers come after what they hold. A key that occurs twice is told twice; of these `loads`
    takes the last one.
    """
    kinds: list[bool] = []  # of the open containers: whether it is an object
    starts: list[int] = []
    keys: list[str | int | None] = []
    for token in _TOKEN.finditer(text):
        first = text[token.start()]
        if first in "{[":
            kinds.append(first == "{")
            starts.append(token.start())
            keys.append(None if first == "{" else 0)
        elif first in "}]":
            kinds.pop()
            keys.pop()
            start = starts.pop()
            if len(keys) <= deep:
                yield _path(keys), start, token.end()
        elif first == ",":
            last = keys[-1]
            keys[-1] = last + 1 if isinstance(last, int) else None
        elif first == '"' and kinds and kinds[-1] and keys[-1] is None:
            keys[-1] = str(json.loads(token.group(), strict=False))
        elif first != ":" and len(keys) <= deep:
            yield _path(keys), token.start(), token.end()


def _path(keys: list[str | int | None]) -> Path:
    return tuple(key for key in keys if key is not None)
