"""Inventory: the models that are there, and what their files tell without loading one."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from os import SEEK_CUR
from pathlib import Path
from typing import BinaryIO

from xltpipe import front_matter
from xltpipe.checksums import FILE as SUMS
from xltpipe.errors import RecipeError
from xltpipe.translation.description import Description, describe
from xltpipe.translation.models import EMBEDDED, models_in, shipped

_DTYPES = {0: "float32", 1: "int8", 2: "int16", 4: "float16", 5: "bfloat16"}
"""Numbers that CTranslate2 writes for the types of weights."""
_MATRIX = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A model directory. `description` is None where `fault` says why it cannot be used.

    `size` counts bytes of all files, `quantization` is the type in which weights are stored, None
    if model.bin cannot be read.
    """

    name: str
    home: Path
    embedded: bool
    description: Description | None
    fault: str | None
    size: int
    quantization: str | None
    licence: str | None
    checksums: bool

    @property
    def directions(self) -> int:
        """How many (source, target) pairs it translates."""
        said = self.description
        if said is None:
            return 0
        return len(said.directions) + len(said.languages) * max(0, len(said.languages) - 1)

    @property
    def languages(self) -> list[str]:
        """Ids of all its languages, each once."""
        said = self.description
        if said is None:
            return []
        paired = (one for pair in said.directions for one in pair)
        return sorted({*paired, *said.languages})


def entries(folders: Iterable[Path]) -> list[Entry]:
    """The models that ship and those in these folders, each once, by name."""
    homes = [home for folder in [*shipped(), *folders] for home in models_in(folder)]
    unique = {home.resolve(): None for home in homes}
    return sorted((entry(home) for home in unique), key=lambda one: one.name)


def entry(home: Path) -> Entry:
    """What the files of one model directory tell."""
    description, fault = None, None
    try:
        description = describe(home)
    except RecipeError as error:
        fault = str(error)
    licence = front_matter.licence_in(home)
    ours = any(home.resolve() == (place / EMBEDDED).resolve() for place in shipped())
    return Entry(
        name=home.name,
        home=home,
        embedded=ours,
        description=description,
        fault=fault,
        size=sum(file.stat().st_size for file in home.rglob("*") if file.is_file()),
        quantization=_quantization(home / "model.bin"),
        licence=licence[0] if licence else None,
        checksums=(home / SUMS).is_file(),
    )


def _quantization(file: Path) -> str | None:
    """The type of the first matrix in a model.bin, read without the rest."""
    try:
        with file.open("rb") as stream:
            return _first_matrix(stream)
    except (OSError, struct.error):
        return None


def _first_matrix(stream: BinaryIO) -> str | None:
    """Walk over the headers of variables (the format is told in forced_weights.py)."""

    def number(code: str) -> int:
        form = f"<{code}"
        (value,) = struct.unpack(form, stream.read(struct.calcsize(form)))
        return int(value)

    number("I")
    stream.seek(number("H") + 4, SEEK_CUR)  # the specification's name and revision
    for _ in range(number("I")):
        stream.seek(number("H"), SEEK_CUR)
        shape = [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        if len(shape) == _MATRIX and min(shape) > 1:
            return _DTYPES.get(kind, f"type {kind}")
        stream.seek(size, SEEK_CUR)
    return None
