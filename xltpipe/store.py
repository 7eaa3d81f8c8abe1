"""The shelf: every artefact once, named by what made it, true by its manifest.

`<root>/<stage>/<2 hex>/<key>/` holds the files of one artefact and, written last, `manifest.json`
with row counts and sha256 of each. No manifest, or one that is not true: the artefact is not
there. Nothing is overwritten; two processes that build the same key write the same bytes.
A store that several machines share is a `Mirrored` one (`mirrored.py`), with the same contract.
"""

from __future__ import annotations

import errno
import fcntl
import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xltpipe import __version__
from xltpipe.durable import describe, digest_file, digest_json, sync, write_whole
from xltpipe.errors import DataError
from xltpipe.leases import alive

log = logging.getLogger("xltpipe.store")

MANIFEST = "manifest.json"
_HOST = socket.gethostname().replace(".", "-")
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}
Counts = dict[str, int | float | str]
"""What a build reports about itself: `rows` and further counts (truncated, repairs, …)."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A reference to an artefact, small enough to pass between tasks and machines.

    `part` is the file, "" for the whole folder (a model); `rows` is -1 where not yet known.
    `content` is the sha256 of a file that stands for its rows alone, not for how they were made:
    equal blocks of two corpora then share all later work.
    """

    stage: str
    key: str
    rows: int = -1
    part: str = "part-00000.parquet"
    content: str = ""

    @property
    def id(self) -> str:
        """What later steps are keyed by."""
        return self.content or self.key

    @property
    def name(self) -> str:
        """Short and readable: `translate/3fa2c1`."""
        return f"{self.stage}/{self.key[:6]}"


@dataclass(frozen=True)
class Step:
    """One piece of work: what decides its result, and how to make it.

    `build` writes into the folder it is given and returns its counts (`rows` among them).
    """

    stage: str
    version: int
    identity: Mapping[str, Any]
    inputs: tuple[str, ...]
    build: Callable[[Path], Counts] = field(compare=False)
    rows: int = -1
    part: str = "part-00000.parquet"
    long: bool = False
    """Takes hours: it has a lock of its own, so that no step of another key waits for it."""

    @cached_property
    def key(self) -> str:
        """sha256 over stage, version, identity of the settings and the keys of the inputs."""
        return digest_json([self.stage, self.version, self.identity, list(self.inputs)])

    @property
    def shard(self) -> Shard:
        return Shard(self.stage, self.key, self.rows, self.part)


class Store:
    """Artefacts under one root folder.

    Raises:
        DataError: the root cannot be made or written.
    """

    shared = False
    """Other machines use it, too, without sharing a file system."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        try:
            (self.root / ".tmp").mkdir(parents=True, exist_ok=True)
            (self.root / ".locks").mkdir(exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        if not os.access(self.root / ".tmp", os.W_OK):
            raise self._unwritable(PermissionError("no permission to write"))

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"Store must be a folder that can be written, was: {self.root} ({error}); "
            "set XLTPIPE_DATA or --store to another folder, or free some space"
        )

    @property
    def address(self) -> str:
        """Where it lies, for people."""
        return str(self.root)

    def place(self, shard: Shard) -> Path:
        """Where an artefact lies on this machine, whether it is there or not."""
        return self.root / shard.stage / shard.key[:2] / shard.key

    def folder(self, shard: Shard) -> Path:
        """The folder of an artefact, with all its files on this machine."""
        return self.place(shard)

    def path(self, shard: Shard) -> Path:
        """The file (or, with no part, the folder) that a shard refers to, on this machine."""
        return self.place(shard) / shard.part if shard.part else self.folder(shard)

    def share(self, path: Path, mark: str = "") -> None:
        """Show a file or folder below the root, no artefact, to all who use the store.

        A `mark` tells the content: what was shared under it is not shared again.
        """

    def gather(self, folder: str) -> None:
        """Bring what others have shared below a folder of the root to this machine."""

    def prefetch(self, shards: Iterable[Shard]) -> None:
        """Bring the files of many shards to this machine at once."""

    def manifest(self, shard: Shard) -> dict[str, Any] | None:
        """The manifest as stored, unverified; None where there is none or it cannot be read."""
        try:
            return parsed((self.place(shard) / MANIFEST).read_bytes())
        except OSError:
            return None

    def find(self, step: Step) -> Shard | None:
        """The artefact of this step if it is complete and true, by size and sha256 of each file.

        One that is there but not true is reported on the log; `make` builds it again.
        """
        folder = self.place(step.shard)
        if not folder.exists():
            return None
        return self._checked(step, self.manifest(step.shard), folder)

    def _checked(
        self,
        step: Step,
        manifest: dict[str, Any] | None,
        there: Path | Callable[[dict[str, Any]], str | None],
    ) -> Shard | None:
        """The step's artefact if its manifest, and what it says of each file, is true."""
        found = fault(step, manifest, there)
        if found is None:
            return Shard(step.stage, step.key, int((manifest or {})["rows"]), step.part)
        log.warning("%s is not whole (%s): it is built again", step.shard.name, found)
        return None

    def make(self, step: Step) -> tuple[Shard, bool]:
        """The artefact of this step, and whether it had to be built.

        Crash-safe: files are written aside, synced, moved in place, and the manifest comes last.
        """
        done = self.find(step)
        if done is not None:
            return done, False
        with self.locked(step.key, own=step.long):
            done = self.find(step)
            if done is not None:  # somebody else built it while we waited
                return done, False
            return self._build(step), True

    def _build(self, step: Step) -> Shard:
        aside = self.aside(step.key)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        started = time.perf_counter()
        try:
            counts = step.build(aside)
            files = describe(aside)
            self._commit(step, aside, _manifest(step, counts, files, time.perf_counter() - started))
        except OSError as error:
            if error.errno in _DISK:  # any other is the build's own: a file, a connection
                raise self._unwritable(error) from error
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return Shard(step.stage, step.key, int(counts.get("rows", 0)), step.part)

    def _commit(self, step: Step, aside: Path, manifest: Mapping[str, Any]) -> None:
        """Move finished files in place, the manifest last."""
        folder = self.place(step.shard)
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
        sync(folder.parent)
        write_whole(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")

    @contextmanager
    def locked(self, key: str, *, own: bool = False) -> Iterator[None]:
        """One builder per key on this machine; the kernel frees the lock of a killed process."""
        # one lock file per two hex digits keeps the folder small; builders of different
        # keys wait for each other if the digits agree, unless one has a file of its `own`
        with (self.root / ".locks" / f"{key if own else key[:2]}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def aside(self, name: str) -> Path:
        """A place to build in: named after this process, so that `sweep` knows whose it was."""
        return self.root / ".tmp" / f"{name}.{_HOST}.{os.getpid()}"

    def sweep(self) -> int:
        """Remove what killed processes left aside; the number of folders and files removed."""
        removed = 0
        for path in (self.root / ".tmp").iterdir():
            owner = path.name.removesuffix(".wal").rsplit(".", 1)[-1]  # .wal: DuckDB's log
            elsewhere = f".{_HOST}." not in path.name  # another machine's or container's
            if elsewhere or not owner.isdigit() or alive(int(owner)):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
            removed += 1
        return removed

    def read(self, shard: Shard) -> pa.Table:
        """The table of a shard.

        Raises:
            DataError: the file cannot be read.
        """
        try:
            return pq.read_table(self.path(shard), memory_map=False)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"Shard {shard.name} must be a readable Parquet file, was: {error}; "
                "run the recipe again to build it anew"
            ) from error


def parsed(manifest: bytes) -> dict[str, Any] | None:
    """A manifest from its bytes; None if it is none."""
    try:
        found = json.loads(manifest)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def fault(
    step: Step,
    manifest: dict[str, Any] | None,
    there: Path | Callable[[dict[str, Any]], str | None],
) -> str | None:
    """What is untrue of a step's artefact by its manifest; None if nothing is.

    Its files lie in a folder, or somebody else tells of each what is wrong with it.
    """
    if manifest is None:
        return "no manifest that can be read"
    files = manifest.get("files")
    if not isinstance(files, list) or not isinstance(manifest.get("rows"), int):
        return "manifest lacks files or rows"
    if manifest.get("key") != step.key:
        return "manifest is of another key"
    of_file = partial(_file_fault, there) if isinstance(there, Path) else there
    return next((found for entry in files if (found := of_file(entry)) is not None), None)


def _file_fault(folder: Path, entry: dict[str, Any]) -> str | None:
    path = folder / entry["name"]
    if not path.is_file() or path.stat().st_size != entry["bytes"]:
        return f"{entry['name']} is missing or of another size"
    return None if digest_file(path) == entry["sha256"] else f"{entry['name']} has another content"


def _manifest(
    step: Step, counts: Counts, files: list[dict[str, str | int]], seconds: float
) -> dict[str, Any]:
    return {
        "stage": step.stage,
        "version": step.version,
        "key": step.key,
        "rows": int(counts.get("rows", 0)),
        "counts": counts,
        "identity": step.identity,
        "inputs": step.inputs,
        "files": files,
        "seconds": round(seconds, 3),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "libraries": libraries(),
    }


def libraries() -> dict[str, str]:
    """Versions of what decides results, for manifests."""
    found = {"xltpipe": __version__, "python": sys.version.split()[0]}
    for name in ("pyarrow", "ctranslate2", "numpy", "python-crfsuite", "torch", "transformers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
