"""The recipes of this process: where those that are named lie, and what is changed in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xltpipe import overrides
from xltpipe.mt import recipe as mt
from xltpipe.recipe import Recipe

RECIPES = "XLTPIPE_RECIPES"
"""Environment variable: the folder below which recipes are named (default: flows/recipes)."""


def home() -> Path:
    default = Path(__file__).parents[1] / "flows" / "recipes"
    return Path(os.environ.get(RECIPES) or default)


def chosen(
    recipe: str | Recipe,
    targets: Sequence[str] | None,
    strategies: Sequence[str] | None,
    limit: int | None,
    changes: overrides.Changes,
) -> Recipe:
    """The recipe as a run was asked for it.

    Raises:
        RecipeError: there is no such recipe, or it is not valid with these changes.
    """
    asked: dict[str, Any] = dict(changes)
    if targets is not None:
        asked["targets"] = list(targets)
    if strategies is not None:
        asked["strategies"] = list(strategies)
    whole = _with(recipe, asked)
    if limit is None:
        return whole
    return _with(recipe, asked | overrides.limited(whole, limit))


def _with(recipe: str | Recipe, asked: overrides.Changes) -> Recipe:
    if isinstance(recipe, Recipe):
        return overrides.altered(recipe, asked, home())
    return overrides.changed(overrides.find(recipe, home()), asked)


def training(recipe: str) -> mt.Training:
    """The recipe of a training, by its name or path.

    Raises:
        RecipeError: there is none, or it is not valid.
    """
    return mt.load(overrides.find(recipe, home()))
