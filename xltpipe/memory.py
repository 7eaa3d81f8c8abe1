"""Memory of this process: how much of what was freed glibc gives back to the system."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from typing import Any

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_MIB = 1 << 20


def keep_all() -> None:
    """Give nothing back: a training frees and takes the same gigabytes at every step."""
    libc = _libc()
    if libc is not None:
        libc.mallopt(_ARENA_MAX, 1)
        for option in (_MMAP_THRESHOLD, _TRIM_THRESHOLD):
            libc.mallopt(option, 1024 * _MIB)
        libc.mallopt(_TOP_PAD, 256 * _MIB)


def keep_usual() -> None:
    """Give back what glibc comes to by itself on 64 bits: more than 64 MiB, or 32 MiB in one piece.

    Dask starts its processes so that everything over 64 KiB is given back at once, and engines,
    which free and take memory for each token, then took twice as long (docs/findings.md).
    """
    libc = _libc()
    if libc is not None:
        libc.mallopt(_MMAP_THRESHOLD, 32 * _MIB)
        libc.mallopt(_TRIM_THRESHOLD, 64 * _MIB)


def _libc() -> Any:
    """The C library; None where it has no such settings."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(ctypes.util.find_library("c") or "libc.so.6")
    return libc if hasattr(libc, "mallopt") else None
