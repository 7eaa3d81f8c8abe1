"""Overrides: a recipe by name, with settings changed before it is checked as a whole."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xltpipe.errors import RecipeError
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse

Changes = Mapping[str, Any]
"""Values by dotted key (`translation.beam`, `tests.0.data.limit`); None takes a setting away."""


def find(name: str, root: Path) -> Path:
    """The file of a recipe by its name or path (`quickstart`, `news/spa.toml`), below `root` only.

    Raises:
        RecipeError: there is none, or it lies elsewhere.
    """
    home = root.resolve()
    for path in (home / name, home / f"{name}.toml"):
        inside = path.resolve()
        if inside.is_file():
            if not inside.is_relative_to(home):
                raise RecipeError(f"Recipe must lie below {home}, was: {name!r}, which is {inside}")
            return inside
    known = sorted(p.relative_to(home).with_suffix("").as_posix() for p in home.rglob("*.toml"))
    raise RecipeError(
        f"Recipe must be a file below {home}, was: {name!r}; there are: "
        f"{', '.join(known) or 'none'}"
    )


def changed(path: Path, changes: Changes) -> Recipe:
    """The recipe in a file, with changes.

    Raises:
        RecipeError: see `recipe_file.load`; or a change has no place in it.
    """
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"Recipe must be a readable UTF-8 file, was: {path} ({error})") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"Recipe must be TOML, was: {path}: {error}") from error
    return parse(_applied(said, changes), path)


def altered(recipe: Recipe, changes: Changes, home: Path) -> Recipe:
    """A recipe that was given whole, with changes; its files are found from `home`.

    Raises:
        RecipeError: it is not valid with these changes.
    """
    said = recipe.model_dump(mode="json", exclude={"folder"}, exclude_unset=True)
    return parse(_applied(said, changes), home / f"{recipe.name}.toml")


def limited(recipe: Recipe, rows: int) -> dict[str, int]:
    """The changes by which every source of data is read to its first so many rows only."""
    places = ["train", *(["dev"] if recipe.dev else [])]
    places += [f"tests.{n}.data" for n in range(len(recipe.tests))]
    places += [f"supervised.{n}.data" for n in range(len(recipe.supervised))]
    return {f"{place}.limit": rows for place in places}


def _applied(said: dict[str, Any], changes: Changes) -> dict[str, Any]:
    for key, value in changes.items():
        *way, last = key.split(".")
        place: Any = said
        for step in way:
            place = _inside(place, step, key)
        _set(place, last, value, key)
    return said


def _inside(place: Any, step: str, key: str) -> Any:
    if isinstance(place, list) and step.isdigit() and int(step) < len(place):
        return place[int(step)]
    if isinstance(place, dict):
        return place.setdefault(step, {})
    raise _misplaced(key)


def _set(place: Any, last: str, value: Any, key: str) -> None:
    if isinstance(place, list) and last.isdigit() and int(last) < len(place):
        place[int(last)] = value
    elif not isinstance(place, dict):
        raise _misplaced(key)
    elif value is None:
        place.pop(last, None)
    else:
        place[last] = value


def _misplaced(key: str) -> RecipeError:
    return RecipeError(
        f"Change must name a setting by its dotted key, such as translation.beam, was: {key!r}"
    )
