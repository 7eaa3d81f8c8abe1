"""Caching: giving a folder of the store to every engine that keeps what it paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from xltpipe.spec import Spec

FOLDER = "answers"
"""Below the store's root."""

S = TypeVar("S", bound=Spec)


def with_cache(spec: S, root: Path) -> S:
    """The settings, at any depth, with `cache` set below this root wherever it is wanted and unset.

    A chain or a pivot holds engines; that they may keep answers is not its affair.
    """
    changed = {name: _inside(value, root) for name, value in spec}
    if "cache" in type(spec).model_fields and changed["cache"] is None:
        changed["cache"] = root / FOLDER
    differing = {name: new for name, new in changed.items() if new is not getattr(spec, name)}
    return spec.model_copy(update=differing) if differing else spec


def _inside(value: object, root: Path) -> object:
    if isinstance(value, Spec):
        return with_cache(value, root)
    if isinstance(value, tuple):
        new = tuple(_inside(item, root) for item in value)
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value
