"""A store that machines share: artefacts lie in a bucket, and a copy of those in use lies here.

Objects are laid out as the files of a local store are. Engines need files, so what is asked for
is brought to `root`, checked by its SHA-256, and stays there; the bucket alone says what is done.
A build is committed by putting its files and then its manifest: no rename is needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xltpipe import manifests
from xltpipe.addresses import home, is_address
from xltpipe.brought import Brought
from xltpipe.bucket import Bucket, Object
from xltpipe.durable import digest_file, seal, write_whole
from xltpipe.errors import DataError
from xltpipe.leases import TERM, Leases
from xltpipe.shared_files import SharedFiles
from xltpipe.store import MANIFEST, Shard, Step, Store, log
from xltpipe.verified import Stamps, Verified

_AT_ONCE = 16
"""Files under way together: a transfer is mostly waiting."""
_LONG = 1000
"""Files of a manifest that is kept in memory: reading it for each of its files would take long."""


def open_store(data: str | Path, cache: Path) -> Store:
    """The store in a data folder, or at an address with its working copy below `cache`.

    Raises:
        DataError: it cannot be reached or written.
    """
    if not is_address(str(data)):
        return Store(Path(data) / "store")
    address = str(data).rstrip("/")
    return Mirrored(f"{address}/store", home(address, cache) / "store")


class Mirrored(Store):
    """A store in a bucket; `root` is the working copy, `term` that of its leases in seconds.

    Raises:
        DataError: the bucket cannot be reached, or the working copy cannot be written.
    """

    shared = True

    def __init__(self, address: str, root: Path, term: float = TERM) -> None:
        super().__init__(root)
        self.bucket = Bucket(address)
        self.bucket.check()
        self._leases = Leases(self.bucket, term)
        # names of their own: the folder is no store that has all files of its artefacts
        index = self.verified.path
        self.verified = self._brought = Brought(index.with_suffix(".brought.sqlite"))
        self._complete = Verified(index.with_suffix(".complete.sqlite"))
        self._long: dict[str, tuple[int, dict[str, Any]]] = {}
        self._files = SharedFiles(self.bucket, self.root, self._fresh)

    @property
    def address(self) -> str:
        return self.bucket.address

    def folder(self, shard: Shard) -> Path:
        self._bring(shard, "")
        return self.place(shard)

    def path(self, shard: Shard) -> Path:
        self._bring(shard, shard.part)
        return self.place(shard) / shard.part if shard.part else self.place(shard)

    def prefetch(self, shards: Iterable[Shard], *, manifests_only: bool = False) -> None:
        bring = self.manifest if manifests_only else self._try
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(bring, shards))

    def _try(self, shard: Shard) -> None:
        try:
            self.path(shard)
        except DataError as error:  # whoever needs it meets the fault, and can say for what
            log.warning("%s", error)

    def manifest(self, shard: Shard) -> dict[str, Any] | None:
        try:
            stamp = (self.place(shard) / MANIFEST).stat().st_mtime_ns
        except OSError:
            return self._fresh_manifest(shard)
        before, known = self._long.get(shard.key, (None, None))
        if stamp == before:
            return known
        manifest = super().manifest(shard)
        if manifest is None:  # damaged here
            return self._fresh_manifest(shard)
        if len(manifest["files"]) > _LONG:
            self._long[shard.key] = (stamp, manifest)
        return manifest

    def _fresh_manifest(self, shard: Shard) -> dict[str, Any] | None:
        """The manifest in the bucket, of which a copy is kept here."""
        content = self.bucket.read(f"{_name(shard)}/{MANIFEST}")
        manifest = None if content is None else manifests.manifest(content)
        if content is None or manifest is None:
            return None
        file = self.place(shard) / MANIFEST
        if not file.exists() or file.read_bytes() != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            aside = self._fresh(shard.key)
            aside.write_bytes(content)
            aside.replace(file)
        return manifest

    def whole(self, shard: Shard) -> Shard | None:
        """The artefact with its rows if it is complete in the bucket, by the size of each file.

        Content is checked when it is brought here: a store that answers has kept its bytes. One
        listing is enough if it is what it was when the artefact was last found complete.
        """
        there = self.bucket.listed(_name(shard))
        if MANIFEST not in there:
            return None  # nothing, or somebody is about to finish it, or was killed before
        rows = self._complete.rows(shard.key, _stamps(there))
        if rows is not None:
            return replace(shard, rows=rows)
        manifest = self._fresh_manifest(shard)
        fault = self.fault(shard, manifest, partial(_fault, there))
        if manifest is None or fault is not None:
            self._tell(shard, fault)
            return None
        self._complete.note(shard.key, manifest["rows"], _stamps(there))
        return replace(shard, rows=manifest["rows"])

    def listed(self, stage: str) -> Iterator[Shard]:
        for name in sorted(self.bucket.listed(stage)):
            _, _, rest = name.partition("/")
            key, _, file = rest.partition("/")
            if file == MANIFEST:
                yield Shard(stage, key, part="")

    def _build(self, step: Step) -> Shard:
        """Build, unless it was built here and only putting it was cut off."""
        here = Store.manifest(self, step.shard)
        if here is None or self.fault(step.shard, here) is not None:
            return super()._build(step)
        self._put(step.shard, here)
        return Shard(step.stage, step.key, here["rows"], step.part)

    def _commit(
        self,
        step: Step,
        aside: Path,
        manifest: Mapping[str, Any],
        hashed: Stamps | None,  # noqa: ARG002 - what is put is known by what was hashed here
    ) -> None:
        """Put the files, the manifest last; a builder that finished before us is left its work."""
        if self.find(step) is not None:
            return  # our lease was taken over while we stood still
        place = self.place(step.shard)
        for entry in manifest["files"]:  # one by one: others may look into the folder meanwhile
            (place / entry["name"]).parent.mkdir(parents=True, exist_ok=True)
            (aside / entry["name"]).replace(place / entry["name"])
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / MANIFEST, seal(manifest))
        self._put(step.shard, manifest)

    def _put(self, shard: Shard, manifest: Mapping[str, Any]) -> None:
        place, name = self.place(shard), _name(shard)
        for entry in manifest["files"]:
            self.bucket.put(place / entry["name"], f"{name}/{entry['name']}")
            self._brought.found_true(
                shard.key, place / entry["name"], entry["name"], entry["sha256"]
            )
        self.bucket.write(f"{name}/{MANIFEST}", (place / MANIFEST).read_bytes())
        self._brought.keep(shard.key, place, manifest)

    @contextmanager
    def locked(self, key: str, *, own: bool = False) -> Iterator[None]:  # noqa: ARG002
        """One builder per key among all machines, as long as its process lives and runs."""
        with self._leases.held(key):
            yield

    def _bring(self, shard: Shard, part: str) -> None:
        """Have the files of a shard here, true to the manifest; none if there is no manifest.

        Raises:
            DataError: the bucket has another content; the artefact counts as not there then.
        """
        manifest = self.manifest(shard)
        if manifest is None or self._missing(shard, part, manifest) is None:
            return
        # somebody may have built it again since we last read the manifest
        manifest = self._fresh_manifest(shard)
        wrong = None if manifest is None else self._missing(shard, part, manifest)
        if wrong is None:
            return
        self.bucket.remove([f"{_name(shard)}/{MANIFEST}"])
        (self.place(shard) / MANIFEST).unlink(missing_ok=True)
        raise DataError(
            f"Shard {shard.name} must be true to its manifest, was: {wrong} with another content "
            f"or none in {self.address}; run the recipe again to build it anew"
        )

    def _missing(self, shard: Shard, part: str, manifest: Mapping[str, Any]) -> str | None:
        """Bring the files of a part ("" for all) here; the name of one that is not true."""
        place, brought = self.place(shard), False
        self._brought.recall(shard.key, place, manifest)
        for entry in _of_part(manifest["files"], part):
            if self._brought.is_true(shard.key, place, entry):
                continue
            if not self._fetched(shard, entry):
                return str(entry["name"])
            brought = True
        if brought:
            self._brought.keep(shard.key, place, manifest)
        return None

    def _fetched(self, shard: Shard, entry: Mapping[str, Any]) -> bool:
        path = self.place(shard) / entry["name"]
        aside = self._fresh(f"{shard.key}.{path.name}")
        try:
            self.bucket.get(f"{_name(shard)}/{entry['name']}", aside)
            if digest_file(aside) != entry["sha256"]:
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.replace(path)
        except FileNotFoundError:
            return False
        finally:
            aside.unlink(missing_ok=True)
        self._brought.found_true(shard.key, path, entry["name"], entry["sha256"])
        return True

    def _fresh(self, name: str) -> Path:
        """A place aside that no other thread has."""
        return self.aside(f"{name[:120]}.{os.urandom(4).hex()}")

    def share(self, path: Path, mark: str = "") -> None:
        self._files.share(path, mark)

    def gather(self, folder: str) -> None:
        self._files.gather(folder)


def _name(shard: Shard) -> str:
    return f"{shard.stage}/{shard.key[:2]}/{shard.key}"


def _of_part(files: Iterable[Mapping[str, Any]], part: str) -> list[Mapping[str, Any]]:
    """The entries of a part: all, one file, or those below a folder."""
    if not part:
        return list(files)
    return [e for e in files if e["name"] == part or e["name"].startswith(f"{part}/")]


def _fault(there: Mapping[str, Object], entry: Mapping[str, Any]) -> str | None:
    found = there.get(entry["name"])
    if found is not None and found.size == entry["bytes"]:
        return None
    return f"{entry['name']} is missing or of another size"


def _stamps(there: Mapping[str, Object]) -> Stamps:
    """A listing in the form of what a file system says; a version is more than a time."""
    return sorted(
        (name, int(hashlib.sha256(o.version.encode()).hexdigest()[:16], 16), o.size, 0, 0)
        for name, o in there.items()
    )
