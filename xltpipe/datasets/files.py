"""Files: find them from the recipe's folder, hash them once, read them as lines of text."""

from __future__ import annotations

import codecs
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from glob import glob
from pathlib import Path

from pydantic import Field

from xltpipe.datasets.checks import Located, checked
from xltpipe.durable import is_there
from xltpipe.errors import DataError
from xltpipe.protocols import Reader
from xltpipe.spec import Licensed
from xltpipe.types import Example
from xltpipe.unpacking import LONGEST_LINE, too_long, unpacked

_CHUNK = 1 << 18  # bytes; larger chunks were not faster and cost memory


class FileSource(Licensed, ABC):
    """A source that is one file, or files of one kind, one after the other."""

    path: str = Field(min_length=1)
    """Relative to the folder of the recipe. A pattern, such as `incoming/*.jsonl`, takes all files
    that match, by their names; hidden ones are left out."""
    limit: int | None = Field(default=None, ge=1)
    """Read the first so many examples only."""
    keep_texts: tuple[int, ...] = ()
    """Numbers of the texts of each example that are not translated, negative from the last."""

    @abstractmethod
    def reader(self, lang: str, path: Path) -> Located:
        """The examples of one file as language `lang` (ISO 639-3)."""

    def read(self, lang: str, root: Path) -> Reader:
        """The examples of the files as language `lang` (ISO 639-3), checked.

        Raises:
            DataError: a file is missing, here; its content is invalid, while iterating.
        """
        reader = InTurn(self.files(root), partial(self.reader, lang))
        return checked(reader, lang, self.limit, self.keep_texts)

    def digest(self, root: Path) -> str:
        """The SHA-256 of the file as it lies there (compressed, where it is); of several, over
        their names and theirs.
        """
        if not self.several(root):
            return digest_of(self.files(root)[0])
        whole = hashlib.sha256()
        for path in self.files(root):
            whole.update(f"{path.name}\0{digest_of(path)}\n".encode())
        return whole.hexdigest()

    def several(self, root: Path) -> bool:
        """Whether `path` is a pattern: one that is also the name of a file is not."""
        return bool(set("*?[") & set(self.path)) and not (root / self.path).is_file()

    def files(self, root: Path) -> list[Path]:
        """The absolute paths.

        Raises:
            DataError: there is no such file.
        """
        if not self.several(root):
            return [self.file(root)]
        # patterns may be absolute or lead upwards, which Path.glob refuses
        matches = map(Path, sorted(glob(str((root / self.path).absolute()), recursive=True)))  # noqa: PTH207
        found = [p for p in matches if p.is_file() and not p.name.startswith(".")]
        if not found:
            raise DataError(
                f"Path must match some file, was: {self.path!r}, relative to the recipe's folder "
                f"{root.absolute()}"
            )
        return found

    def file(self, root: Path) -> Path:
        """The absolute path of the one file.

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

    @property
    def title(self) -> str:
        """The file's name without its endings; of a pattern, its folder's."""
        path = Path(self.path)
        return stem_of(path) if not set("*?[") & set(path.name) else path.absolute().parent.name


class InTurn:
    """Reads files one after the other, as one source."""

    def __init__(self, paths: Sequence[Path], open_: Callable[[Path], Located]) -> None:
        self.repairs = 0
        self._paths, self._open = paths, open_
        self._at: Located | None = None

    def place(self) -> str:
        return self._at.place() if self._at else str(self._paths[0])

    def __iter__(self) -> Iterator[Example]:
        self.repairs = before = 0
        for path in self._paths:
            self._at = self._open(path)
            for example in self._at:
                self.repairs = before + self._at.repairs
                yield example
            self.repairs = before = before + self._at.repairs


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
