"""Bucket: files by name below one address, on a file system or an object store (fsspec).

An object is whole or not there, as object stores promise; a mounted file system is held to it by
writing aside and renaming. Nothing here needs a rename on an object store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

from xltpipe.addresses import SCHEMES, checked
from xltpipe.durable import sync
from xltpipe.errors import DataError, TransientError, require

T = TypeVar("T")


class Object(NamedTuple):
    """What a listing tells of an object: bytes, and what changes with its content."""

    size: int
    version: str


_PATIENCE = {"connect_timeout": 10, "read_timeout": 60}
"""Seconds; the client's own retries come on top."""


class Bucket:
    """Objects below an address such as `s3://bucket/prefix`.

    Credentials and endpoint are those of the environment, read by the store's own client.

    Raises:
        DataError: the address is of a kind that is not known, or carries credentials.
    """

    def __init__(self, address: str) -> None:
        self.address = checked(address.rstrip("/"))

    @cached_property
    def _open(self) -> tuple[Any, str]:
        """The file system and the path that names mean there."""
        scheme = urlsplit(self.address).scheme
        if scheme != "file":
            require(SCHEMES[scheme], "s3" if scheme == "s3" else "gcs")
        from fsspec import url_to_fs

        # what another machine wrote a moment ago must be seen
        options: dict[str, Any] = {"use_listings_cache": False}
        if scheme == "s3":
            options["config_kwargs"] = _PATIENCE
        system, path = url_to_fs(self.address, **options)
        return system, str(path)

    @property
    def _local(self) -> bool:
        return self.address.startswith("file:")

    def _at(self, name: str) -> str:
        return f"{self._open[1]}/{name}"

    def check(self) -> None:
        """Meet an address that cannot be reached.

        Raises:
            DataError, TransientError: it cannot.
        """
        try:
            if self._local:
                Path(self._open[1]).mkdir(parents=True, exist_ok=True)
            else:
                self._ask("list", "", lambda fs, at: fs.info(at.partition("/")[0]))
        except OSError as error:
            raise self._unusable("list", "", error) from error

    def read(self, name: str) -> bytes | None:
        """The content of an object; None where there is none."""
        try:
            return bytes(self._ask("read", name, lambda fs, at: fs.cat_file(at)))
        except (FileNotFoundError, IsADirectoryError):  # a folder is no object
            return None

    def write(self, name: str, content: bytes) -> None:
        """Put an object, whole, in the place of one that may be there."""
        if self._local:
            self._place(name, lambda aside: aside.write_bytes(content))
        else:
            self._ask("write", name, lambda fs, at: fs.pipe_file(at, content))

    def create(self, name: str, content: bytes) -> bool:
        """Put an object unless there is one; whether it was put. Of many who try, one does."""
        try:
            if self._local:
                path = Path(self._at(name))
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("xb") as file:
                    file.write(content)
            else:
                self._ask("write", name, lambda fs, at: fs.pipe_file(at, content, mode="create"))
        except FileExistsError:
            return False
        return True

    def put(self, path: Path, name: str) -> None:
        """Copy a file of this machine to an object."""
        if self._local:
            self._place(name, lambda aside: _copy(path, aside))
        else:
            self._ask("write", name, lambda fs, at: fs.put_file(str(path), at))

    def get(self, name: str, path: Path) -> None:
        """Copy an object to a file of this machine.

        Raises:
            FileNotFoundError: there is no such object.
        """
        self._ask("read", name, lambda fs, at: fs.get_file(at, str(path)))

    def copy(self, name: str, to: str) -> None:
        """Copy an object within the bucket, which an object store does by itself."""
        if self._local:
            self.put(Path(self._at(name)), to)
        else:
            self._ask("write", to, lambda fs, at: fs.copy(self._at(name), at))

    def remove(self, names: Iterable[str]) -> None:
        """Take objects away; those that are gone already are no fault."""
        for name in names:
            try:
                self._ask("remove", name, lambda fs, at: fs.rm_file(at))
            except FileNotFoundError:
                continue

    def listed(self, folder: str) -> dict[str, Object]:
        """Every object below a folder, by name from there; one listing."""
        try:
            found = self._ask("list", folder, lambda fs, at: fs.find(at, detail=True))
        except FileNotFoundError:
            return {}
        start = len(self._at(folder).rstrip("/")) + 1
        return {
            path[start:]: Object(int(info["size"]), _version(info))
            for path, info in found.items()
            if info["type"] == "file" and not path.endswith(".tmp")
        }

    def sizes(self, folder: str) -> dict[str, int]:
        """Bytes of every object below a folder, by name from there."""
        return {name: found.size for name, found in self.listed(folder).items()}

    def _place(self, name: str, fill: Callable[[Path], object]) -> None:
        """A file written aside, synced, and moved in place."""
        path = Path(self._at(name))
        aside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fill(aside)
            sync(aside)
            aside.replace(path)
            sync(path.parent)
        except OSError as error:
            raise self._unusable("written", name, error) from error
        finally:
            aside.unlink(missing_ok=True)

    def _ask(self, verb: str, name: str, question: Callable[[Any, str], T]) -> T:
        """Put a question to the file system; its faults become ours, absence stays what it is."""
        system, _ = self._open
        try:
            return question(system, self._at(name) if name else self._open[1])
        except (FileNotFoundError, FileExistsError, IsADirectoryError):
            raise
        except PermissionError as error:
            raise self._unusable(verb, name, error) from error
        except Exception as error:
            if _refused(error):
                raise FileExistsError(name) from error
            if type(error).__name__ in _NO_CREDENTIALS:
                raise self._unusable(verb, name, error) from error
            if isinstance(error, OSError) or type(error).__module__.split(".")[0] in _CLIENTS:
                raise TransientError(
                    f"Store must answer, was: {self.address} silent or busy when asked to {verb} "
                    f"{name or 'it'} ({type(error).__name__}: {error})"
                ) from error
            raise

    def _unusable(self, verb: str, name: str, error: Exception) -> DataError:
        return DataError(
            f"Store must be one that can be used, was: {self.address}, {verb} {name or '/'} "
            f"({type(error).__name__}: {error}); see the address in XLTPIPE_DATA or --store, and "
            "the credentials in the environment"
        )


def _version(info: Mapping[str, Any]) -> str:
    keys = ("size", "ETag", "etag", "ino", "mtime", "LastModified")
    return "|".join(str(info[key]) for key in keys if key in info)


_CLIENTS = {"aiohttp", "aiobotocore", "botocore", "gcsfs", "google", "asyncio", "fsspec"}
_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"}


def _refused(error: Exception) -> bool:
    """A conditional write met an object that was there: code 412, or 409 of a write beside it."""
    status = getattr(error, "response", {}).get("ResponseMetadata", {}).get("HTTPStatusCode")
    known = {"PreconditionFailed", "ConditionalRequestConflict"}
    said = str(error)
    return status in {409, 412} or any(word in said for word in known)


def _copy(source: Path, to: Path) -> None:
    with source.open("rb") as given, to.open("wb") as taken:
        while chunk := given.read(1 << 20):
            taken.write(chunk)
    os.utime(to)
