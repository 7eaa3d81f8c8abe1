"""Unpacking: files from elsewhere, plain or gzip, in bounded memory, disk and time.

A file of 10 MB can unpack to 10 GB, and a line or a document need not end: each is met with an
error before it fills the machine. The bounds are far above any text that people label.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from xltpipe.errors import DataError

MOST_GROWTH, FREE = 100, 1 << 28
"""An archive may grow so many times; the first so many bytes (256 MiB) are not asked. Text packs
3 to 10 times, tagged text up to 50, and gzip's limit is 1,032."""

LONGEST_LINE = 1 << 24
"""Bytes or characters of a line: a book has some million."""

LARGEST_DOCUMENT = 1 << 31
"""Bytes of a file that is read as a whole: 2 GiB."""

_CHUNK = 1 << 18  # bytes; larger chunks were not faster and cost memory


def is_packed(path: Path) -> bool:
    """Whether the file is taken for gzip: by its name, as all readers do."""
    return path.suffix == ".gz"


def unpacked(path: Path) -> BinaryIO:
    """The file's bytes, unpacked where its name ends in `.gz`.

    Raises (also while reading):
        OSError: it cannot be opened.
        DataError: it is not a whole archive, or grows beyond the bound.
    """
    if not is_packed(path):
        return path.open("rb")
    return io.BufferedReader(_Bounded(path), _CHUNK)


class _Bounded(io.RawIOBase):
    """What gzip unpacks, counted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream = cast("BinaryIO", gzip.open(path, "rb"))  # noqa: SIM115 - closed with this
        self._most = max(FREE, MOST_GROWTH * path.stat().st_size)
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DataError(
                f"File must be a whole gzip archive, was: {error} ({self._path})"
            ) from error
        self._read += len(data)
        if self._read > self._most:
            raise DataError(
                f"Archive must not grow more than {MOST_GROWTH} times, was: over "
                f"{self._read:,} bytes out of {self._path.stat().st_size:,} ({self._path}); unpack "
                "it yourself if that is right (gunzip), and name the plain file"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, each with its end.

    Raises:
        OSError: it cannot be opened or read.
        DataError: see `unpacked`; or a line is too long.
    """
    number = 0
    with unpacked(path) as stream:
        while line := stream.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise too_long(path, number)
            yield line


def too_long(path: Path, number: int) -> DataError:
    """The error for a line beyond the bound."""
    return DataError(
        f"Line must be at most {LONGEST_LINE:,} characters, was: longer ({path}:{number}); is it "
        "a file of lines?"
    )


def document(path: Path) -> bytes:
    """All bytes of a file that is read as a whole.

    Raises:
        OSError: it cannot be opened or read.
        DataError: see `unpacked`; or it is too large.
    """
    with unpacked(path) as stream:
        data = stream.read(LARGEST_DOCUMENT + 1)
    if len(data) > LARGEST_DOCUMENT:
        raise DataError(
            f"File that is read as a whole must be at most {LARGEST_DOCUMENT:,} bytes, was: larger "
            f"({path}); cut it into several"
        )
    return data
