"""Checkpoints: where a training stands, written whole or not at all, with nothing that could run.

Tensors go into a safetensors file, everything else into its header as JSON. Python's pickles, which
torch.save writes, run code when they are opened.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors
import torch
from safetensors.torch import save_file

from xltpipe.errors import DataError
from xltpipe.json_text import loads

FILE = "checkpoint.safetensors"
_BEFORE = "checkpoint.pt"  # of version 0.1: torch's own format, read without what could run
_STATE = "state"

Json = Any


def save(state: dict[str, Any], home: Path) -> None:
    """Write aside, sync, move in place: a kill leaves the one before."""
    home.mkdir(parents=True, exist_ok=True)
    aside = home / f"{FILE}.tmp"
    tensors: dict[str, torch.Tensor] = {}
    told = json.dumps(_packed(state, tensors))
    save_file(tensors, aside, metadata={_STATE: told})
    with aside.open("rb") as written:
        os.fsync(written.fileno())
    aside.replace(home / FILE)
    (home / _BEFORE).unlink(missing_ok=True)


def load(home: Path) -> dict[str, Any] | None:
    """The last checkpoint, None where there is none.

    Raises:
        DataError: the file is damaged.
    """
    path, before = home / FILE, home / _BEFORE
    if not path.is_file() and not before.is_file():
        return None
    try:
        return _read(path) if path.is_file() else _read_before(before)
    except (
        *(OSError, RuntimeError, EOFError, ValueError, KeyError, TypeError, IndexError),
        *(UnpicklingError, safetensors.SafetensorError),
    ) as error:
        raise DataError(
            f"Checkpoint must be readable, was: {path if path.is_file() else before} ({error}); "
            "remove it to begin again"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    with safetensors.safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        state: dict[str, Any] = _unpacked(loads((file.metadata() or {})[_STATE]), tensors)
    return state


def _read_before(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def _packed(value: Any, tensors: dict[str, torch.Tensor]) -> Json:
    """The value in JSON; a tensor as its name in `tensors`, a tuple or dictionary as what it is."""
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().contiguous().clone()  # two names must not share memory
        return {"tensor": name}
    if isinstance(value, dict):  # its keys need not be texts
        return {"dict": [[k, _packed(v, tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_packed(v, tensors) for v in value]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"Checkpoint must hold tensors and plain values, was: {type(value).__name__}")


def _unpacked(value: Json, tensors: dict[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "tensor":
        return tensors[inside]
    if kind == "dict":
        return {k: _unpacked(v, tensors) for k, v in inside}
    items = [_unpacked(v, tensors) for v in inside]
    return tuple(items) if kind == "tuple" else items
