"""A recipe's file: TOML into a checked Recipe, or one error that names key and remedy."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xltpipe.durable import is_there
from xltpipe.errors import RecipeError
from xltpipe.faults import explain
from xltpipe.recipe import Recipe


def load(path: Path) -> Recipe:
    """Read a recipe file.

    Raises:
        RecipeError: the file is missing, not TOML, or a key or value is wrong (named by path).
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RecipeError(
            f"Recipe must be a file, was: {path.absolute()} (no such file); "
            '"xltpipe recipe new NAME" writes one to start from'
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe must be a readable UTF-8 file, was: {path} ({error})") from error
    except (ValueError, RecursionError) as error:  # also a number too long, brackets too deep
        raise RecipeError(f"Recipe must be TOML, was: {path}: {error}") from error
    return parse(data, path)


def parse(data: dict[str, Any], path: Path) -> Recipe:
    """A recipe from its parsed TOML; `path` is named in errors and its folder is the root.

    Raises:
        RecipeError: see `load`.
    """
    for key, why in (("folder", "it is where the file lies"), ("store", "--store tells")):
        if data.get(key) is not None:
            raise RecipeError(f"Recipe must not set {key}: {why} ({path})")
    try:
        home = path.absolute().parent
        return Recipe.model_validate({**_rooted(data, home), "folder": str(home)})
    except ValidationError as error:
        faults = "".join(f"\n  {line}" for line in explain(error, Recipe))
        raise RecipeError(f"Recipe must be valid, was: {path} with{faults}") from error


def with_settings(recipe: Recipe, settings: dict[str, Any]) -> Recipe:
    """The recipe with some of its own settings changed, checked as when it was loaded.

    Raises:
        RecipeError: they do not fit together.
    """
    if not settings:
        return recipe
    try:
        return Recipe.model_validate({**dict(recipe), **settings})
    except ValidationError as error:
        faults = "".join(f"\n  {line}" for line in explain(error, Recipe))
        raise RecipeError(f"Settings must be valid, was: {settings} with{faults}") from error


_FILES = {
    *("model", "prior", "extra", "generator", "api_key_file", "programs", "scratch", "python"),
    *("modes", "examples", "auxiliary"),
}
"""Keys of components that may name files; sources of data resolve their own `path`."""


def _rooted(data: dict[str, Any], home: Path) -> dict[str, Any]:
    """Component files that lie in the recipe's folder, by absolute path; names stay names."""

    def one(key: str, value: object) -> object:
        if isinstance(value, dict):
            served = {"model"} if "url" in value else set()  # a server's model is a name
            return {k: v if k in served else one(k, v) for k, v in value.items()}
        if isinstance(value, list):
            return [one(key, v) for v in value]
        if key in _FILES and isinstance(value, str) and value and is_there(home / value):
            return str(home / value)
        return value

    return {k: one(k, v) for k, v in data.items()}
