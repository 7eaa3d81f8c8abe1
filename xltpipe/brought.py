"""What was brought to a working copy: files that are known to be those of their manifests.

A file is hashed when it is brought, and again only if the file system says that it changed since
(`verified.py`). The index on the disk spares later processes the hashing; it knows artefacts of
few Parquet files, of which some may not have been brought yet. Others are known to this process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xltpipe.durable import digest_file
from xltpipe.verified import Verified, stamps

MANIFEST = "manifest.json"
FEW = 64
"""Files of an artefact that the index keeps: it asks the file system for all of them."""

Stamp = tuple[int, int, int, int]
"""Inode, size, mtime and ctime in ns."""


class Brought(Verified):
    """The index of a working copy, and what this process found true besides."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._true: dict[str, dict[str, tuple[Stamp, str]]] = {}

    def is_true(self, key: str, folder: Path, entry: Mapping[str, Any]) -> bool:
        """The file of a manifest's entry is here, with that content."""
        name, wanted = entry["name"], entry["sha256"]
        stamp = _stamp(folder / name)
        if stamp is None or stamp[1] != entry["bytes"]:
            return False
        if self._true.get(key, {}).get(name) == (stamp, wanted):
            return True
        if digest_file(folder / name) != wanted:
            return False
        self._true.setdefault(key, {})[name] = (stamp, wanted)
        return True

    def found_true(self, key: str, file: Path, name: str, digest: str) -> None:
        """A file that was hashed and then moved in place."""
        stamp = _stamp(file)
        if stamp is not None:
            self._true.setdefault(key, {})[name] = (stamp, digest)

    def recall(self, key: str, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Take up what an earlier process found true of an artefact."""
        if key in self._true or len(manifest["files"]) > FEW:
            return
        found = stamps(str(folder)) or []
        if self.rows(key, found) is None:
            return
        digests = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
        self._true[key] = {f[0]: (f[1:], digests[f[0]]) for f in found if f[0] in digests}

    def keep(self, key: str, folder: Path, manifest: Mapping[str, Any]) -> None:
        """Remember it for later processes, if all files that are here are true."""
        if len(manifest["files"]) > FEW:
            return
        found = stamps(str(folder)) or []
        true = self._true.get(key, {})
        digests = {entry["name"]: entry["sha256"] for entry in manifest["files"]}
        others = [file for file in found if file[0] != MANIFEST]
        if all(true.get(file[0]) == (file[1:], digests.get(file[0])) for file in others):
            self.note(key, manifest["rows"], found)

    def forget(self, key: str) -> None:
        self._true.pop(key, None)
        super().forget(key)


def _stamp(path: Path) -> Stamp | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
