"""Manifests and records as they lie on the shelf, believed only where they have the right form.

A store may be shared: its files are read as a stranger's. What has another form is not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

from xltpipe.durable import unseal

Record = dict[str, Any]
_KEY = re.compile(r"[0-9A-Za-z_-]{1,80}")
_STAGE = re.compile(r"[0-9A-Za-z_-]{1,40}")
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,199}")  # folders are called so
_LONGEST = 200  # bytes of a file's name; file systems take 255


def manifest(text: bytes) -> Record | None:
    """The manifest that a text holds; None where it holds none."""
    return _parsed(text, _MANIFEST)


def record(text: bytes) -> Record | None:
    """The record of a run that a text holds; None where it holds none."""
    return _parsed(text, _RECORD)


def is_inside(name: object) -> bool:
    """Whether a name is that of a file below the folder where it is named."""
    if not isinstance(name, str) or not name or "\0" in name or name.startswith("/"):
        return False
    parts = PurePosixPath(name).parts
    short = all(len(part.encode("utf-8", "replace")) <= _LONGEST for part in parts)
    return short and ".." not in parts and name == "/".join(parts)


def _parsed(text: bytes, fields: dict[str, Callable[[Any], bool]]) -> Record | None:
    try:
        found = unseal(text)
    except ValueError:
        return None
    return found if found is not None and _fits(found, fields) else None


def _fits(value: object, fields: dict[str, Callable[[Any], bool]]) -> bool:
    return isinstance(value, dict) and all(
        name in value and fits(value[name]) for name, fits in fields.items()
    )


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, kinds) and (bool in kinds or type(value) is not bool)


def _each(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _is_number(value: object) -> bool:
    """Of rows or bytes: what SQLite and DuckDB can hold."""
    return type(value) is int and 0 <= value < 1 << 63


def _file(value: object) -> bool:
    return _fits(value, {"name": is_inside, "bytes": _is_number, "sha256": _is(str)})


def _shard(value: object) -> bool:
    known = {"stage", "key", "rows", "part", "content"}
    return _fits(value, _SHARD) and isinstance(value, dict) and value.keys() <= known


def _split(value: object) -> bool:
    """The name of a split and one of its shards."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and bool(_NAME.fullmatch(value[0]))
        and _shard(value[1])
    )


def _outcome(value: object) -> bool:
    if not isinstance(value, dict) or not _fits(value, _OUTCOME):
        return False
    return _each(_shard)(value.get("others", []))  # earlier versions did not record them


def _counts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is(int, float, str), value.values()))


_MANIFEST: dict[str, Callable[[Any], bool]] = {
    "key": _is(str),
    "rows": _is_number,
    "counts": _counts,
    "identity": _is(dict),
    "files": _each(_file),
    "seconds": _is(int, float),
    "made": _is(str),
    "libraries": _is(dict),
}
_SHARD: dict[str, Callable[[Any], bool]] = {
    "stage": lambda s: isinstance(s, str) and bool(_STAGE.fullmatch(s)),
    "key": lambda s: isinstance(s, str) and bool(_KEY.fullmatch(s)),
    "rows": _is_number,
    "part": lambda s: s == "" or is_inside(s),
}
_OUTCOME: dict[str, Callable[[Any], bool]] = {
    "strategy": _is(str),
    "target": lambda s: isinstance(s, str) and bool(_NAME.fullmatch(s)),
    "shards": _each(_split),
    "scores": _each(_shard),
}
_RECORD: dict[str, Callable[[Any], bool]] = {
    "run": lambda s: isinstance(s, str) and bool(_NAME.fullmatch(s)),
    "name": _is(str),
    "state": _is(str),
    "started": _is(str),
    "ended": _is(str, type(None)),
    "error": _is(str, type(None)),
    "recipe": _is(dict),
    "outcomes": _each(_outcome),
}
