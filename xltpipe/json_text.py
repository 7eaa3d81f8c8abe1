"""JSON from elsewhere: whatever is wrong with it is one kind of error.

Python's own `loads` raises RecursionError where brackets nest some thousand deep, and ValueError
where a number has more than 4,300 digits; neither is a fault of ours, nor a traceback's worth.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_SHOWN = 80


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
