"""Files that can be trusted: whole or not there, on the disk, and known by their content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from xltpipe.json_text import loads

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


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


def seal(content: Mapping[str, object]) -> str:
    """A JSON text that holds its own digest, so that any change to it shows."""
    plain = json.loads(json.dumps(content))  # as it will be read: lists, and keys that are texts
    sealed = plain | {"sealed": "sha256", "digest": digest_json(plain)}
    return json.dumps(sealed, indent=1, sort_keys=True) + "\n"


def unseal(text: bytes) -> dict[str, Any] | None:
    """What was sealed; None if the text was changed or is none of ours.

    Texts of xltpipe 0.1 before 2026-11-26 have no seal, neither of its two keys: they are taken as
    they are. One flipped bit cannot take both away.
    """
    try:
        content = loads(text)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    sealed, digest = content.pop("sealed", None), content.pop("digest", None)
    if sealed is None and digest is None:
        return content
    return content if digest == digest_json(content) else None


def write_table(table: pa.Table, path: Path) -> None:
    """Write one Parquet file: zstd, the same bytes for the same rows."""
    import pyarrow.parquet as pq  # heavy: engines digest without it

    pq.write_table(table, path, compression="zstd", compression_level=3)


def write_whole(path: Path, text: str) -> None:
    """Write a text so that a reader sees the old file or the whole new one, never a part."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync(path.parent)


def link(file: Path, place: Path) -> None:
    """The same file in another place: by a hard link, or a copy where there can be none."""
    try:
        os.link(file, place)
    except OSError:
        shutil.copy2(file, place)


def describe(folder: Path) -> list[dict[str, str | int]]:
    """Name, size and sha256 of each file below a folder, after syncing it to the disk.

    Of Parquet files also rows and shape: nobody wants to open thousands of them to know that.
    """
    entries: list[dict[str, str | int]] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        sync(path)
        entries.append(
            {
                "name": path.relative_to(folder).as_posix(),
                "bytes": path.stat().st_size,
                "sha256": digest_file(path),
                **(_table_of(path) if path.suffix == ".parquet" else {}),
            }
        )
    return entries


def _table_of(path: Path) -> dict[str, str | int]:
    footer = _footer(path)
    return {} if footer is None else {"rows": footer.num_rows, "shape": _shape(footer)}


def rows_of(path: Path) -> int:
    """The number of rows of a Parquet file, by its footer."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def shape_of(path: Path) -> str | None:
    """A digest of the names and types of a Parquet file's columns; None if it is none."""
    footer = _footer(path)
    return None if footer is None else _shape(footer)


def _shape(footer: pq.FileMetaData) -> str:
    schema = footer.schema.to_arrow_schema().remove_metadata()
    return hashlib.sha256(str(schema).encode()).hexdigest()[:12]


def _footer(path: Path) -> pq.FileMetaData | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowInvalid):
        return None


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
