"""A recipe's text: the whole recipe as TOML again, for whoever wants to run it elsewhere.

All settings are written, defaults too: another version's defaults then change nothing. What
belongs to this machine (folders, addresses, where keys lie) is left out or replaced.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel

from xltpipe.recipe import Recipe

_LEFT_OUT = {
    *("folder", "compare", "matrix", "api_key_file", "scratch", "programs", "python"),
    *("store", "executor", "address", "workers"),
}
_ADDRESS = "http://localhost:8000/v1"


def to_toml(recipe: Recipe) -> str:
    """TOML that `xltpipe run` takes for the same run, given the same data and models.

    Paths below the recipe's folder are relative to it, others are cut to their last part.
    """
    return tomli_w.dumps(_table(recipe, recipe.root.absolute()))


def _table(settings: BaseModel, root: Path) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name in _LEFT_OUT:
            continue
        if value is None and field.default is not None and not field.is_required():
            out[name] = False  # a rule that is off; TOML has no null
        elif value is not None:
            out[name] = _ADDRESS if name == "url" else _value(value, root)
    return out


def _value(value: object, root: Path) -> object:
    if isinstance(value, BaseModel):
        return _table(value, root)
    if isinstance(value, dict):
        return {str(k): _value(v, root) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(v, root) for v in value]
    if isinstance(value, Path):
        return _path(value, root)
    if isinstance(value, str) and value.startswith(("/", "~")) and len(value) > 1:
        return _path(Path(value), root)
    return value


def _path(path: Path, root: Path) -> str:
    """Nobody else has this machine's folders, and they may tell who its user is."""
    if path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name if path.is_absolute() or str(path).startswith("~") else path.as_posix()
