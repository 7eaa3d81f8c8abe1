"""What the machine lacks is told apart from what is wrong with rows, data or recipes."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from xltpipe.errors import DataError, RecipeError
from xltpipe.machine import lack, writing


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "enough memory"),
        (pa.ArrowMemoryError("malloc of size 64 failed"), "enough memory"),
        (RuntimeError("CUDA failed with error out of memory"), "enough memory"),
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"), "enough memory"),
        (ImportError("x.so: failed to map segment from shared object"), "enough memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "enough memory"),
        (OSError(errno.EMFILE, "Too many open files"), "enough open files"),
        (duckdb.IOException('Could not write "x": No space left on device'), "space left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "space left"),
        (OSError(errno.EROFS, "Read-only file system"), "can be written"),
        (OSError(errno.EIO, "Input/output error"), "sound disk"),
        (sqlite3.DatabaseError("database disk image is malformed"), "sound disk"),
        (RuntimeError("can't start new thread"), "another process"),
    ],
)
def test_what_the_machine_lacks(error: Exception, words: str) -> None:
    assert words in (lack(error) or "")
    told = RecipeError("Model must load")
    told.__cause__ = error
    assert words in (lack(told) or "")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("row 7: No space left on device"),  # what a row says is no sign
        DataError("Text must be one that the engine can translate"),
        RuntimeError("No position encodings are defined"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        duckdb.ParserException("syntax error"),
    ],
)
def test_what_is_no_lack_of_the_machine(error: Exception) -> None:
    assert lack(error) is None


def test_a_disk_that_cannot_be_written_is_told_with_its_place(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "part-00000.parquet")
    told = rf"Store must be .* was: {tmp_path} .*No space left.*part-00000.*XLTPIPE_DATA"
    with pytest.raises(DataError, match=told), writing(tmp_path):
        raise full


def test_other_errors_pass(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), writing(tmp_path):
        raise ConnectionError("away")
