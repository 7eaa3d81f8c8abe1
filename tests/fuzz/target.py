"""A target: a parser that reads what others wrote, and inputs to try it with."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

_RAM = Path("/dev/shm")  # noqa: S108 - a folder of our own in it


@dataclass(frozen=True)
class Target:
    """`parse` may give anything back, and raise nothing but XltError."""

    name: str
    inputs: st.SearchStrategy[Any]
    parse: Callable[[Any], object]
    share: float = 1.0
    """Of the inputs of a long run: less for parsers that take milliseconds."""


_home: dict[int, Path] = {}


def scratch(name: str, data: bytes | None = None) -> Path:
    """A file in memory that the next input overwrites; a folder where there are no bytes."""
    mine = os.getpid()
    if mine not in _home:
        where = _RAM if os.access(_RAM, os.W_OK) else None
        _home[mine] = Path(tempfile.mkdtemp(prefix="xltpipe-fuzz-", dir=where))
    path = _home[mine] / name
    if data is None:
        path.mkdir(parents=True, exist_ok=True)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
