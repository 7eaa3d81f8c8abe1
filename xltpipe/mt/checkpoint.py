"""Checkpoints: where a training stands, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from xltpipe.errors import DataError

FILE = "checkpoint.pt"


def save(state: dict[str, Any], home: Path) -> None:
    """Write aside, sync, move in place: a kill leaves the one before."""
    home.mkdir(parents=True, exist_ok=True)
    aside = home / f"{FILE}.tmp"
    with aside.open("wb") as out:
        torch.save(state, out)
        out.flush()
        os.fsync(out.fileno())
    aside.replace(home / FILE)


def load(home: Path) -> dict[str, Any] | None:
    """The last checkpoint, None where there is none.

    Raises:
        DataError: the file is damaged.
    """
    path = home / FILE
    if not path.is_file():
        return None
    try:
        # Ours alone, written by `save` into our own folder: plain tensors, numbers and lists.
        state: dict[str, Any] = torch.load(path, weights_only=False, map_location="cpu")
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, UnpicklingError) as error:
        raise DataError(
            f"Checkpoint must be readable, was: {path} ({error}); remove it to begin again"
        ) from error
    return state
