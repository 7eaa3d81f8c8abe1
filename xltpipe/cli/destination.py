"""Where a verb writes to: a file that cannot be written is told before the work, not after it."""

from __future__ import annotations

import os
from pathlib import Path

from xltpipe.errors import RecipeError


def check(file: Path) -> None:
    """Meet a place that cannot be written.

    Raises:
        RecipeError: its folder is not there or not writable, or it is a folder itself.
    """
    folder = file.absolute().parent
    if not folder.is_dir() or file.is_dir() or not os.access(folder, os.W_OK):
        raise RecipeError(
            f"File must lie in a folder that is there and can be written, was: {file.absolute()}"
        )
