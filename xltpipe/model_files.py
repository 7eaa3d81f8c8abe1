"""Files of a model that are JSON, read so that a damaged one is told by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xltpipe.errors import RecipeError
from xltpipe.json_text import loads


def read_json(file: Path, kind: type[dict[str, Any] | list[Any]] = dict) -> Any:
    """What a file holds: an object, or a list.

    Raises:
        RecipeError: it is not there, or holds something else.
    """
    try:
        found = loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise RecipeError(f"{file} must be whole JSON, was: {error}; copy it again") from error
    if not isinstance(found, kind):
        raise RecipeError(f"{file} must hold a JSON {kind.__name__}, was: {type(found).__name__}")
    return found


def converted_config(model: Path) -> dict[str, Any]:
    """config.json of a CTranslate2 model, with its special tokens by name.

    Raises:
        RecipeError: it is damaged, or lacks one.
    """
    found: dict[str, Any] = read_json(model / "config.json")
    missing = [name for name in ("eos_token", "unk_token") if not found.get(name)]
    if missing:
        raise RecipeError(
            f"{model / 'config.json'} must name eos_token and unk_token, was: without "
            f"{', '.join(missing)}; convert the model again"
        )
    return found


def more_than_tensors(model: Path) -> RecipeError:
    """The error for PyTorch weights (a pickle) that would do more than build tensors."""
    return RecipeError(
        f"Weights must be tensors and nothing else, was: {model} with a .bin that would run a "
        "program when it is opened; do not use it, or ask for its safetensors"
    )
