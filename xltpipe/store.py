"""The shelf: every artefact once, named by what made it, true by its manifest.

`<root>/<stage>/<2 hex>/<key>/` holds the files of one artefact and, written last, `manifest.json`
with row counts and sha256 of each. No manifest, or one that is not true: the artefact is not
there. Nothing is overwritten; two processes that build the same key write the same bytes.
A store that several machines share is a `Mirrored` one (`mirrored.py`), with the same contract.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xltpipe import __version__, manifests
from xltpipe.durable import describe, digest_file, seal, sync, write_whole
from xltpipe.errors import DataError
from xltpipe.leases import alive
from xltpipe.machine import unwritable, writing
from xltpipe.settled import canonical
from xltpipe.verified import Stamps, Verified, stamps

log = logging.getLogger("xltpipe.store")

MANIFEST = "manifest.json"
_HOST = socket.gethostname().replace(".", "-")
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
        inputs = ",".join(map(canonical, self.inputs))
        text = f"[{canonical(self.stage)},{self.version},{canonical(self.identity)},[{inputs}]]"
        return hashlib.sha256(text.encode()).hexdigest()

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
            raise unwritable(self.root, error) from error
        if not os.access(self.root / ".tmp", os.W_OK):
            raise unwritable(self.root, PermissionError("no permission to write"))
        self._root = f"{self.root}{os.sep}"
        # inodes and times are as this machine sees them
        self.verified = Verified(self.root / ".verified" / f"{_HOST}.sqlite")

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

    def prefetch(self, shards: Iterable[Shard], *, manifests_only: bool = False) -> None:
        """Bring the files of many shards to this machine at once, or just their manifests."""

    def manifest(self, shard: Shard) -> dict[str, Any] | None:
        """The manifest as it was written; None where there is none, or it was changed since."""
        try:
            return manifests.manifest((self.place(shard) / MANIFEST).read_bytes())
        except OSError:
            return None

    def find(self, step: Step) -> Shard | None:
        """The artefact of this step, if it is there as a whole; see `whole`."""
        return self.whole(step.shard)

    def whole(self, shard: Shard) -> Shard | None:
        """The artefact with its rows if it is complete and true, by size and sha256 of each file.

        Files that are those that were hashed before are not hashed again (`verified.py`). One that
        is there but not true is reported on the log; `make` builds it again.
        """
        found = self._stamps(shard.key, shard.stage)
        if found is None:
            return None
        rows = self.verified.rows(shard.key, found)
        if rows is not None:
            return replace(shard, rows=rows)
        manifest = self.manifest(shard)
        fault = self.fault(shard, manifest)
        if manifest is not None and fault is None:
            self.verified.note(shard.key, manifest["rows"], found)
            return replace(shard, rows=manifest["rows"])
        self._tell(shard, fault)
        return None

    def _tell(self, shard: Shard, fault: str | None) -> None:
        log.warning("%s is not whole (%s): it is built again", shard.name, fault)

    def _stamps(self, key: str, stage: str) -> Stamps | None:
        # asked for each shard of a run: paths as strings cost a tenth of Path's
        return stamps(f"{self._root}{stage}/{key[:2]}/{key}")

    def fault(
        self,
        shard: Shard,
        manifest: Mapping[str, Any] | None,
        of_file: Callable[[Mapping[str, Any]], str | None] | None = None,
    ) -> str | None:
        """What is untrue of an artefact by its manifest; None if nothing is.

        `of_file` tells of one entry of the manifest what is wrong with it, else the file here does.
        """
        if manifest is None:
            return "no manifest that can be read"
        if manifest["key"] != shard.key:
            return "manifest is of another key"
        tell = of_file or partial(_file_fault, self.place(shard))
        return next((fault for e in manifest["files"] if (fault := tell(e)) is not None), None)

    def make(self, step: Step) -> tuple[Shard, bool]:
        """The artefact of this step, and whether it had to be built.

        Crash-safe: files are written aside, synced, moved in place, and the manifest comes last.
        """
        done = self.find(step)
        if done is not None:
            return done, False
        with writing(self.root), self.locked(step.key, own=step.long):
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
            hashed = stamps(str(aside))
            files = describe(aside)
            manifest = _manifest(step, counts, files, time.perf_counter() - started)
            self._commit(step, aside, manifest, hashed)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return Shard(step.stage, step.key, int(counts.get("rows", 0)), step.part)

    def _commit(
        self, step: Step, aside: Path, manifest: Mapping[str, Any], hashed: Stamps | None
    ) -> None:
        """Move finished files in place, the manifest last, and remember what was hashed."""
        folder = self.place(step.shard)
        if folder.exists():
            shutil.rmtree(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
        sync(folder.parent)
        write_whole(folder / MANIFEST, seal(manifest))
        found = self._stamps(step.key, step.stage) or []
        if [file for file in found if file[0] != MANIFEST] == hashed:
            self.verified.note(step.key, manifest["rows"], found)

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

    def listed(self, stage: str) -> Iterator[Shard]:
        """All artefacts of a stage that have a manifest, true or not, by their keys."""
        for path in sorted((self.root / stage).glob(f"??/*/{MANIFEST}")):
            yield Shard(stage, path.parent.name, part="")

    def read(self, shard: Shard) -> pa.Table:
        """The table of a shard, from bytes that are those of its manifest.

        Raises:
            DataError: the file cannot be read, or was changed since it was made.
        """
        try:
            content = self.path(shard).read_bytes()
            if hashlib.sha256(content).hexdigest() == self._digest(shard):
                return pq.read_table(pa.BufferReader(content))
            fault = "changed since it was made"
        except (OSError, pa.ArrowInvalid) as error:
            fault = str(error)
        self.verified.forget(shard.key)
        raise DataError(
            f"Shard {shard.name} must be a readable Parquet file, was: {fault}; "
            "run the recipe again to build it anew"
        )

    def _digest(self, shard: Shard) -> str | None:
        if shard.content:  # the manifest of an artefact of many parts is long
            return shard.content
        files = (self.manifest(shard) or {}).get("files", [])
        return next((str(f["sha256"]) for f in files if f["name"] == shard.part), None)


def _file_fault(folder: Path, entry: Mapping[str, Any]) -> str | None:
    path = folder / entry["name"]
    try:
        if path.stat().st_size != entry["bytes"]:
            return f"{entry['name']} is of another size"
        return None if digest_file(path) == entry["sha256"] else f"{entry['name']} has other bytes"
    except OSError as error:  # gone, a bad sector, or another run builds it anew just now
        return f"{entry['name']} cannot be read: {error.strerror}"


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


@cache  # looking for them takes milliseconds
def libraries() -> dict[str, str]:
    """Versions of what decides results, for manifests."""
    found = {"xltpipe": __version__, "python": sys.version.split()[0]}
    for name in (
        "pyarrow",
        "ctranslate2",
        "numpy",
        "python-crfsuite",
        "scikit-learn",
        "torch",
        "transformers",
    ):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
