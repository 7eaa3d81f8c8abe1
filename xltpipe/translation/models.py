"""Model directories: where they are, and the digest of what is in them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import xltpipe
from xltpipe.errors import RecipeError

EMBEDDED = "en-es-tatoeba"
"""The model that ships with xltpipe; `model = "embedded"` means it."""

# Words about a model are not the model: a corrected card must not change any result's key.
_NOT_THE_MODEL = {".md"}


def find_model(name: str) -> Path:
    """The directory of a CTranslate2 model: "embedded", or a path.

    Raises:
        RecipeError: no directory with a model.bin is there; the message lists where it looked.
    """
    places = _embedded_places() if name == "embedded" else [Path(name).expanduser()]
    for place in places:
        if (place / "model.bin").is_file():
            return place.resolve()
    looked = ", ".join(str(place.absolute()) for place in places)
    raise RecipeError(
        f'Model must be "embedded" or a directory with a CTranslate2 model.bin, was: {name!r} '
        f"(looked in {looked}); convert models with ct2-transformers-converter"
    )


def model_digest(path: Path) -> str:
    """SHA-256 over names and contents of all the model's files, but its Markdown."""
    return _digest(tuple(_state(file, path) for file in _model_files(path)), path)


def _embedded_places() -> list[Path]:
    package = Path(xltpipe.__file__).resolve().parent
    return [package / "_models" / EMBEDDED, package.parent / "data" / "models" / EMBEDDED]


def _model_files(path: Path) -> list[Path]:
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted(file for file in files if file.suffix not in _NOT_THE_MODEL)


def _state(file: Path, root: Path) -> tuple[str, int, int]:
    stat = file.stat()
    return file.relative_to(root).as_posix(), stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=64)
def _digest(states: tuple[tuple[str, int, int], ...], path: Path) -> str:
    """Remembered by sizes and times: a model of gigabytes is read once per process."""
    whole = hashlib.sha256()
    for name, _, _ in states:
        with (path / name).open("rb") as content:
            part = hashlib.file_digest(content, "sha256").hexdigest()
        whole.update(f"{name}\0{part}\n".encode())
    return whole.hexdigest()
