"""A store that machines share: artefacts lie in a bucket, and a copy of those in use lies here.

Objects are laid out as the files of a local store are. Engines need files, so what is asked for
is brought to `root`, checked by its SHA-256, and stays there; the bucket alone says what is done.
A build is committed by putting its files and then its manifest: no rename is needed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from xltpipe.bucket import Bucket, is_address
from xltpipe.durable import digest_file, write_whole
from xltpipe.errors import DataError
from xltpipe.leases import TERM, Leases
from xltpipe.store import MANIFEST, Shard, Step, Store, fault, log, parsed

_SHARED = ".shared"
"""Where marks of what was shared lie."""
_AT_ONCE = 16
"""Files under way together: a transfer is mostly waiting."""


def open_store(data: str | Path, cache: Path) -> Store:
    """The store in a data folder, or at an address with its working copy below `cache`.

    Raises:
        DataError: it cannot be reached or written.
    """
    if not is_address(str(data)):
        return Store(Path(data) / "store")
    address = str(data).rstrip("/")
    return Mirrored(f"{address}/store", home(address, cache) / "store")


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where working copies lie: XLTPIPE_CACHE, else the user's cache."""
    named = environment.get("XLTPIPE_CACHE")
    if named:
        return Path(named)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xltpipe"


def home(address: str, cache: Path) -> Path:
    """The folder on this machine for a data folder that lies elsewhere: told by its address."""
    readable = "-".join(part for part in address.partition("://")[2].split("/") if part)
    return cache / f"{readable}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"


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
        self._true: dict[Path, tuple[int, int, str]] = {}
        self._seen: dict[str, str] = {}

    @property
    def address(self) -> str:
        return self.bucket.address

    def folder(self, shard: Shard) -> Path:
        self._bring(shard, "")
        return self.place(shard)

    def path(self, shard: Shard) -> Path:
        self._bring(shard, shard.part)
        return self.place(shard) / shard.part if shard.part else self.place(shard)

    def prefetch(self, shards: Iterable[Shard]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._try, shards))

    def _try(self, shard: Shard) -> None:
        try:
            self.path(shard)
        except DataError as error:  # whoever needs it meets the fault, and can say for what
            log.warning("%s", error)

    def manifest(self, shard: Shard) -> dict[str, Any] | None:
        return super().manifest(shard) or self._fresh_manifest(shard)

    def _fresh_manifest(self, shard: Shard) -> dict[str, Any] | None:
        """The manifest in the bucket, of which a copy is kept here."""
        content = self.bucket.read(f"{_name(shard)}/{MANIFEST}")
        manifest = None if content is None else parsed(content)
        if content is not None and manifest is not None:
            place = self.place(shard)
            place.mkdir(parents=True, exist_ok=True)
            write_whole(place / MANIFEST, content.decode())
        return manifest

    def find(self, step: Step) -> Shard | None:
        """The artefact of this step if it is complete in the bucket, by the size of each file.

        Content is checked when it is brought here: a store that answers has kept its bytes.
        """
        sizes = self.bucket.sizes(_name(step.shard))
        if MANIFEST not in sizes:
            return None  # nothing, or somebody is about to finish it, or was killed before

        def of_file(entry: dict[str, Any]) -> str | None:
            if sizes.get(entry["name"]) == entry["bytes"]:
                return None
            return f"{entry['name']} is missing or of another size"

        return self._checked(step, self._fresh_manifest(step.shard), of_file)

    def _build(self, step: Step) -> Shard:
        """Build, unless it was built here and only putting it was cut off."""
        here = Store.manifest(self, step.shard)
        if here is None or fault(step, here, self.place(step.shard)) is not None:
            return super()._build(step)
        self._put(step.shard, here)
        return Shard(step.stage, step.key, int(here["rows"]), step.part)

    def _commit(self, step: Step, aside: Path, manifest: Mapping[str, Any]) -> None:
        """Put the files, the manifest last; a builder that finished before us is left its work."""
        if self.find(step) is not None:
            return  # our lease was taken over while we stood still
        place = self.place(step.shard)
        for entry in manifest["files"]:  # one by one: others may look into the folder meanwhile
            (place / entry["name"]).parent.mkdir(parents=True, exist_ok=True)
            (aside / entry["name"]).replace(place / entry["name"])
        place.mkdir(parents=True, exist_ok=True)
        write_whole(place / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        self._put(step.shard, manifest)

    def _put(self, shard: Shard, manifest: Mapping[str, Any]) -> None:
        place, name = self.place(shard), _name(shard)
        for entry in manifest["files"]:
            self.bucket.put(place / entry["name"], f"{name}/{entry['name']}")
            self._note(place / entry["name"], entry["sha256"])
        self.bucket.write(f"{name}/{MANIFEST}", (place / MANIFEST).read_bytes())

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
        if manifest is None or self._brought(shard, part, manifest) is None:
            return
        # somebody may have built it again since we last read the manifest
        manifest = self._fresh_manifest(shard)
        wrong = None if manifest is None else self._brought(shard, part, manifest)
        if wrong is None:
            return
        self.bucket.remove([f"{_name(shard)}/{MANIFEST}"])
        (self.place(shard) / MANIFEST).unlink(missing_ok=True)
        raise DataError(
            f"Shard {shard.name} must be true to its manifest, was: {wrong} with another content "
            f"or none in {self.address}; run the recipe again to build it anew"
        )

    def _brought(self, shard: Shard, part: str, manifest: Mapping[str, Any]) -> str | None:
        """Bring the files of a part ("" for all) here; the name of one that is not true."""
        for entry in manifest["files"]:
            name = str(entry["name"])
            if part and name != part and not name.startswith(f"{part}/"):
                continue
            path = self.place(shard) / _within(name, shard)
            if not self._known(path, entry) and not self._fetched(shard, path, entry):
                return name
        return None

    def _fetched(self, shard: Shard, path: Path, entry: Mapping[str, Any]) -> bool:
        aside = self.aside(f"{shard.key}.{path.name}.{os.urandom(4).hex()}")
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
        self._note(path, entry["sha256"])
        return True

    def _known(self, path: Path, entry: Mapping[str, Any]) -> bool:
        """The file is here and true; it is read once per process unless it changes."""
        try:
            state = path.stat()
        except OSError:
            return False
        if state.st_size != entry["bytes"]:
            return False
        if self._true.get(path) == (state.st_mtime_ns, state.st_size, entry["sha256"]):
            return True
        if digest_file(path) != entry["sha256"]:
            return False
        self._note(path, entry["sha256"])
        return True

    def _note(self, path: Path, digest: str) -> None:
        state = path.stat()
        self._true[path] = (state.st_mtime_ns, state.st_size, digest)

    def share(self, path: Path, mark: str = "") -> None:
        base = path.relative_to(self.root).as_posix()
        if mark and self.bucket.read(f"{_SHARED}/{base}") == mark.encode():
            return
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        names = {file.relative_to(self.root).as_posix(): file for file in files}
        for name, file in names.items():
            self.bucket.put(file, name)
        if path.is_dir():  # what was there before and is no more
            there = {f"{base}/{name}" for name in self.bucket.sizes(base)}
            self.bucket.remove(sorted(there - set(names)))
        if mark:
            self.bucket.write(f"{_SHARED}/{base}", mark.encode())

    def gather(self, folder: str) -> None:
        for name, version in self.bucket.versions(folder).items():
            whole = f"{folder}/{name}"
            path = self.root / PurePosixPath(whole)
            if ".." in PurePosixPath(name).parts:
                continue  # no name that we write
            if self._seen.get(whole) == version and path.exists():
                continue
            aside = self.aside(f"{path.name}.{os.urandom(4).hex()}")
            try:
                self.bucket.get(whole, aside)
                path.parent.mkdir(parents=True, exist_ok=True)
                if not path.exists() or digest_file(path) != digest_file(aside):
                    aside.replace(path)  # its time then tells of news, too
            except FileNotFoundError:
                continue  # taken away since it was listed
            finally:
                aside.unlink(missing_ok=True)
            self._seen[whole] = version


def _name(shard: Shard) -> str:
    return f"{shard.stage}/{shard.key[:2]}/{shard.key}"


def _within(name: str, shard: Shard) -> PurePosixPath:
    """The name of a file in an artefact, which others wrote: it must stay in its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise DataError(
            f"Manifest of {shard.name} must name files in its folder, was: {json.dumps(name)}"
        )
    return path
