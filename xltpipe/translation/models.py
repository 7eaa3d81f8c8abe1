"""Model directories: where they are, and the digest of what is in them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

import xltpipe
from xltpipe.durable import is_there
from xltpipe.errors import RecipeError

EMBEDDED = "en-es"
"""The model that ships with xltpipe; `model = "embedded"` means it."""

# Words and sums about a model are not the model: a corrected card must not change any key.
_ABOUT = {".md"}
_SUMS = "SHA256SUMS"


def find_model(name: str) -> Path:
    """The directory of a CTranslate2 model: "embedded", a path, or the name of one that ships.

    Raises:
        RecipeError: no directory with a model.bin is there; the message lists where it looked.
    """
    places = [home / EMBEDDED for home in shipped()]
    if name != "embedded":
        plain = Path(name).name == name  # a name, no path
        places = [Path(name).expanduser(), *(home / name for home in shipped() if plain)]
    for place in places:
        if is_there(place / "model.bin"):
            return place.resolve()
    looked = ", ".join(str(place.absolute()) for place in places)
    raise RecipeError(
        f'Model must be "embedded" or a directory with a CTranslate2 model.bin, was: {name!r} '
        f"(looked in {looked}); xltpipe models list shows what there is, xltpipe models convert "
        "makes one from a Hugging Face model"
    )


def model_digest(path: Path) -> str:
    """SHA-256 over names and contents of all the model's files, but its Markdown."""
    return _digest(tuple(_state(file, path) for file in _model_files(path)), path)


def shipped() -> list[Path]:
    """Folders of the models that ship: in an installed package, and in a checkout."""
    package = Path(xltpipe.__file__).resolve().parent
    return [package / "_models", package.parent / "data" / "models"]


def models_in(folder: Path) -> list[Path]:
    """Directories right under a folder that hold a CTranslate2 model, by name."""
    if not folder.is_dir():
        return []
    found = (file.parent for file in folder.glob("*/model.bin"))
    return sorted(home for home in found if not home.name.startswith("."))


def _model_files(path: Path) -> list[Path]:
    files = (file for file in path.rglob("*") if file.is_file())
    return sorted(file for file in files if file.suffix not in _ABOUT and file.name != _SUMS)


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
