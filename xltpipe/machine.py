"""The machine: what it lacks (memory, space, files, a sound disk) is never the fault of a row.

Rows that cause a fault may be quarantined, and the result is kept for good; a fault of the machine
would make that result depend on the moment. So it is told apart, ends the step, and the next run
takes it up.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xltpipe.errors import DataError, XltError

_MEMORY = "enough memory; take fewer workers or smaller batches, or end other programs"
_FILES = "enough open files; raise the limit (ulimit -n), or take fewer workers"
_PROCESSES = "room for another process; end other programs, or raise the limit (ulimit -u)"
_SPACE = "space left on its disk; free some, or raise the quota"
_WRITABLE = "a file system that can be written"
_SOUND = "a sound disk; see the system's log (dmesg)"

_LACKS = {
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
    errno.EAGAIN: _PROCESSES,
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EROFS: _WRITABLE,
    errno.EIO: _SOUND,
    errno.ENOLCK: "file locks; a network share without them can hold no store",
}

_SIGNS = {
    "cannot allocate memory": _MEMORY,
    "failed to map segment": _MEMORY,
    "bad_alloc": _MEMORY,
    "out of memory": _MEMORY,
    "failed to allocate": _MEMORY,
    "alloc_failed": _MEMORY,
    "too many open files": _FILES,
    "no space left on device": _SPACE,
    "file too large": _SPACE,
    "read-only file system": _WRITABLE,
    "input/output error": _SOUND,
    "can't start new thread": _PROCESSES,
}
"""What libraries say that have no errors of their own for it."""

_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
)


def lack(error: BaseException | None) -> str | None:
    """What the machine lacks, with the remedy, by an error or what caused it; None for another."""
    while error is not None:
        found = _lack(error)
        if found is not None:
            return found
        error = error.__cause__
    return None


def _lack(error: BaseException) -> str | None:
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, sqlite3.Error):  # no row is ever the reason of those
        return f"{_SPACE}, and a sound disk"
    if isinstance(error, OSError) and error.errno in _LACKS:
        return _LACKS[error.errno]
    if isinstance(error, OSError | ImportError | RuntimeError) or _of_duckdb(error):
        said = str(error).lower()
        return next((what for sign, what in _SIGNS.items() if sign in said), None)
    return None


def _of_duckdb(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in {"duckdb", "_duckdb"}


def is_of_disk(what: str) -> bool:
    """Whether what is lacking is a disk that can be written."""
    return what in {_SPACE, _WRITABLE, _SOUND}


def told(error: Exception, what: str) -> str:
    """One message about what the machine lacks, by the first line of what a library says."""
    said = str(error).partition("\n")[0]
    return f"Machine must have {what}, was: {type(error).__name__}: {said}"


def unwritable(root: Path, error: Exception) -> DataError:
    return DataError(
        f"Store must be a folder that can be written, was: {root} ({error}); "
        "set XLTPIPE_DATA or --store to another folder, or free some space"
    )


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Tell of a disk that is full, broken or not to be written, in one error.

    Raises:
        DataError: so; any other error passes.
    """
    try:
        yield
    except XltError:
        raise
    except OSError as error:
        if error.errno in _DISK:
            raise unwritable(root, error) from error
        raise
