"""Files: find them from the recipe's folder, hash them once, read them as lines of text."""

from __future__ import annotations

import codecs
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import Field

from xltpipe.durable import is_there
from xltpipe.errors import DataError
from xltpipe.protocols import Reader
from xltpipe.spec import Licensed
from xltpipe.unpacking import LONGEST_LINE, too_long, unpacked

_CHUNK = 1 << 18  # bytes; larger chunks were not faster and cost memory


class FileSource(Licensed, ABC):
    """A source that is one file. `path` is relative to the folder of the recipe."""

    path: str = Field(min_length=1)
    limit: int | None = Field(default=None, ge=1)
    """Read the first so many examples only."""

    @abstractmethod
    def read(self, lang: str, root: Path) -> Reader:
        """The examples of the file as language `lang` (ISO 639-3), checked.

        Raises:
            DataError: the file is missing, here; its content is invalid, while iterating.
        """

    def digest(self, root: Path) -> str:
        """The SHA-256 of the file as it lies there (compressed, where it is)."""
        return digest_of(self.file(root))

    def file(self, root: Path) -> Path:
        """The absolute path.

        Raises:
            DataError: there is no such file.
        """
        path = (root / self.path).absolute()
        if not is_there(path) or not path.is_file():
            raise DataError(
                f"Path must name a file, was: {self.path!r}, relative to the recipe's folder "
                f"{root.absolute()}: {path}"
            )
        return path


def stem_of(path: Path) -> str:
    """The file name without `.gz` and without its last suffix."""
    name = path.name.removesuffix(".gz")
    return Path(name).stem


def digest_of(path: Path) -> str:
    """The SHA-256 of a file; remembered until its size or time of change differs."""
    state = path.stat()
    return _sha256(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1024)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:  # noqa: ARG001, they key the cache
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_lines(path: Path, encoding: str) -> Iterator[list[str]]:
    """The lines of a text file, some thousand at a time, without their ends.

    `.gz` files are unpacked on the way. A byte order mark is dropped; lines end with LF or
    CRLF, never with the rarer separators inside which a token may hold (NEL, U+2028).

    Raises:
        DataError: the bytes are not text of this encoding, the archive is damaged or a bomb, or a
            line does not end.
    """
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    carry, fed, done = "", 0, 0
    with unpacked(path) as stream:
        while True:
            chunk = stream.read(_CHUNK)
            fed += len(chunk)
            try:
                text = decoder.decode(chunk, not chunk)
            except UnicodeDecodeError as error:
                raise _wrong_encoding(path, encoding, error, fed, done) from error
            except UnicodeError as error:  # a codec's own words, such as a missing mark of UTF-16
                raise DataError(f"File must be {encoding} text, was: {error} ({path})") from error
            if not done and not carry:
                text = text.removeprefix("\ufeff")
            text = carry + text
            lines = (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")
            carry = lines.pop()
            if len(carry) > LONGEST_LINE:
                raise too_long(path, done + len(lines) + 1)
            done += len(lines)
            yield lines
            if not chunk:
                break
    if carry:
        yield [carry.removesuffix("\r")]


def _wrong_encoding(
    path: Path, encoding: str, error: UnicodeDecodeError, fed: int, done: int
) -> DataError:
    # error.object holds the bytes the decoder kept back from the chunk before, then the chunk
    offset = fed - len(error.object) + error.start
    line = done + error.object[: error.start].count(b"\n") + 1
    return DataError(
        f"File must be {encoding} text, was: byte 0x{error.object[error.start]:02x} at offset "
        f"{offset} ({path}:{line}); convert it to UTF-8, or set encoding where the source has it, "
        'such as encoding = "latin-1"'
    )
