"""Delivery: a trained model from the store to the folder that its user named."""

from __future__ import annotations

import shutil
from pathlib import Path

from xltpipe.durable import replace_folder
from xltpipe.errors import RecipeError


def deliver(model: Path, output: Path, *, force: bool = False) -> None:
    """Copy the model's folder; it is whole or not there.

    Raises:
        RecipeError: the folder is there already and `force` is not given.
    """
    check_free(output, force=force)
    aside = output.with_name(f".{output.name}.tmp")
    shutil.rmtree(aside, ignore_errors=True)
    shutil.copytree(model, aside)
    replace_folder(aside, output)


def check_free(output: Path, *, force: bool) -> None:
    """Meet an output that is in the way before hours of training.

    Raises:
        RecipeError: something is there and `force` is not given, or it is no model's folder.
    """
    if not output.exists():
        return
    if not force:
        raise RecipeError(f"Output must not be there yet, was: {output}; --force replaces it")
    if not (output / "model.bin").is_file() and any(output.iterdir() if output.is_dir() else [1]):
        raise RecipeError(f"Output to replace must be a model's folder, was: {output}")
