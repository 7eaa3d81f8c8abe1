"""What is settled for a run: settings are asked once, not for each of a hundred thousand steps.

Steps of one stage differ in their inputs alone, but a step knows only its own: each would hash the
same model, and write the same settings as JSON, again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")


@dataclass
class _Known:
    results: dict[tuple[object, ...], tuple[Any, tuple[object, ...]]] = field(default_factory=dict)
    """By what was asked; with what it was asked about, so that an id stays that of one object."""
    texts: dict[int, str | None] = field(default_factory=dict)
    """By the id of a result: its JSON text, once that was asked for."""


_known: ContextVar[_Known | None] = ContextVar("settled", default=None)


@contextmanager
def settled() -> Iterator[None]:
    """Within, settings and the files they name stay as they are: `once` takes that for granted."""
    token = _known.set(_Known())
    try:
        yield
    finally:
        _known.reset(token)


def once(compute: Callable[[], T], what: str, *about: object) -> T:
    """What `compute` gives; within `settled` computed once about the same objects (or words)."""
    known = _known.get()
    if known is None:
        return compute()
    key = (what, *(part if isinstance(part, str) else id(part) for part in about))
    if key not in known.results:
        result = compute()
        known.results[key] = (result, about)
        known.texts[id(result)] = None
    return cast("T", known.results[key][0])


def canonical(value: object) -> str:
    """JSON with sorted keys, no spaces and ASCII alone; that of a result of `once` is kept."""
    known = _known.get()
    if known is not None and id(value) in known.texts:
        text = known.texts[id(value)]
        if text is None:
            text = known.texts[id(value)] = _canonical(value)
        return text
    return _canonical(value)


def _canonical(value: object) -> str:
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        items = (f"{json.dumps(key)}:{canonical(value[key])}" for key in sorted(value))
        return f"{{{','.join(items)}}}"
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
