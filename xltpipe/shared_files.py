"""Shared files: what is no artefact, such as records and published corpora, brought to and fro.

Nothing says what is in them but they themselves: a file is taken to be new when its version in the
bucket is another than when it was last seen.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from xltpipe import manifests
from xltpipe.bucket import Bucket
from xltpipe.durable import digest_file

_MARKS = ".shared"
"""Where marks of what was shared lie."""


class SharedFiles:
    """Files below a working copy's `root` that the bucket has under the same names.

    `aside` gives a place of its own to write a file of some name in, before it is moved.
    """

    def __init__(self, bucket: Bucket, root: Path, aside: Callable[[str], Path]) -> None:
        self._bucket, self._root, self._aside = bucket, root, aside
        self._seen: dict[str, str] = {}

    def share(self, path: Path, mark: str = "") -> None:
        """Put a file or folder; what a folder had before and has no more is removed.

        A `mark` tells the content: what was shared under it is not shared again.
        """
        base = path.relative_to(self._root).as_posix()
        if mark and self._bucket.read(f"{_MARKS}/{base}") == mark.encode():
            return
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        names = {file.relative_to(self._root).as_posix(): file for file in files}
        for name, file in names.items():
            self._bucket.put(file, name)
        if path.is_dir():
            there = {f"{base}/{name}" for name in self._bucket.listed(base)}
            self._bucket.remove(sorted(there - set(names)))
        if mark:
            self._bucket.write(f"{_MARKS}/{base}", mark.encode())

    def gather(self, folder: str) -> None:
        """Bring what is new below a folder here."""
        for name, found in self._bucket.listed(folder).items():
            whole = f"{folder}/{name}"
            path = self._root / PurePosixPath(whole)
            if not manifests.is_inside(name):
                continue  # no name that we write
            if self._seen.get(whole) == found.version and path.exists():
                continue
            if self._gathered(whole, path):
                self._seen[whole] = found.version

    def _gathered(self, whole: str, path: Path) -> bool:
        aside = self._aside(path.name)
        try:
            self._bucket.get(whole, aside)
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or digest_file(path) != digest_file(aside):
                aside.replace(path)  # its time then tells of news, too
        except FileNotFoundError:
            return False  # taken away since it was listed
        finally:
            aside.unlink(missing_ok=True)
        return True
