"""Files that can be trusted: whole or not there, on the disk, and known by their content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import pyarrow as pa


def replace_folder(aside: Path, place: Path) -> None:
    """A finished folder in the place of an old one, of which nothing is lost before."""
    old = place.with_name(f".{place.name}.{uuid4().hex[:8]}.old")
    if place.exists():
        place.rename(old)
    aside.rename(place)
    sync(place.absolute().parent)
    shutil.rmtree(old, ignore_errors=True)


def digest_json(value: object) -> str:
    """sha256 of a canonical JSON text."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 of a file's content, streaming."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file: zstd, the same bytes for the same rows."""
    import pyarrow.parquet as pq  # heavy: engines digest without it

    pq.write_table(table, path, compression="zstd", compression_level=3)


def write_whole(path: Path, text: str) -> None:
    """Write a text so that a reader sees the old file or the whole new one, never a part."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync(path.parent)


def describe(folder: Path) -> list[dict[str, str | int]]:
    """Name, size and sha256 of each file below a folder, after syncing it to the disk."""
    entries: list[dict[str, str | int]] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        sync(path)
        entries.append(
            {
                "name": path.relative_to(folder).as_posix(),
                "bytes": path.stat().st_size,
                "sha256": digest_file(path),
            }
        )
    return entries


def is_there(path: Path) -> bool:
    """Whether a file or folder is there; no name that none can have is an error."""
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for the file system, or with NUL
        return False


def sync(path: Path) -> None:
    """Have the kernel write a file or folder to the disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
