"""Addresses of stores that machines share, and where the working copy of one lies here.

Nothing but the standard library: a run looks at its address before anything else is imported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from xltpipe.errors import DataError

SCHEMES = {"file": "fsspec", "s3": "s3fs", "gs": "gcsfs"}
"""What an address may begin with, and the package that speaks it."""


def is_address(text: str) -> bool:
    """`s3://bucket/prefix` and its like, as opposed to a path."""
    return "://" in text


def checked(address: str) -> str:
    """The address, if it is one that can be used.

    Raises:
        DataError: it is of a kind that is not known, names no bucket, or carries credentials.
    """
    parts = urlsplit(address)
    if parts.scheme not in SCHEMES:
        raise DataError(
            f"Store must lie at one of {', '.join(f'{s}://' for s in SCHEMES)}, or in a folder, "
            f"was: {parts.scheme}://…"
        )
    if "@" in parts.netloc or parts.query:
        raise DataError(
            f"Store's address must not carry credentials or options, was: {parts.scheme}://…; "
            "they belong into the environment (docs/scaling-out.md)"
        )
    if parts.scheme != "file" and not parts.netloc:
        raise DataError(f"Store's address must name a bucket, was: {address}")
    return address


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where working copies lie: XLTPIPE_CACHE, else the user's cache."""
    named = environment.get("XLTPIPE_CACHE")
    if named:
        return Path(named)
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "xltpipe"


def home(address: str, cache: Path) -> Path:
    """The folder on this machine for a data folder that lies elsewhere: told by its address."""
    address = address.rstrip("/")
    readable = "-".join(part for part in address.partition("://")[2].split("/") if part)
    return cache / f"{readable}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
