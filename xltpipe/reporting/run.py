"""Run: which run a report is about, with the recipe that made it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from xltpipe.errors import RecipeError
from xltpipe.quality import COLUMNS
from xltpipe.quality.column import Column, Limits
from xltpipe.recipe import Recipe

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Run:
    """A run of the catalogue; `recipe` is None where this version cannot read the settings."""

    id: str
    name: str
    state: str
    started: str
    ended: str | None
    error: str | None
    settings: dict[str, Any]
    recipe: Recipe | None

    @property
    def limits(self) -> Mapping[str, Limits]:
        """The rules that were on, by the score's column."""
        return {} if self.recipe is None else self.recipe.verdicts.limits()

    @property
    def rules(self) -> Mapping[str, tuple[Column, Limits]]:
        """The rules that were on, by the reason that a row gets."""
        return {COLUMNS[name].reason: (COLUMNS[name], rule) for name, rule in self.limits.items()}

    @property
    def signature(self) -> str:
        """What made the run, in one line: its id holds a digest of settings and data."""
        s = self.settings
        parts = {
            "run": self.id,
            "source": s.get("source"),
            "targets": ",".join(s.get("targets", [])),
            "strategies": ",".join(s.get("strategies", [])),
            "translation": (s.get("translation") or {}).get("kind"),
            "projection": (s.get("projection") or {}).get("kind"),
            "trainer": (s.get("training") or {}).get("kind"),
            "incomplete": s.get("incomplete"),
            "seed": s.get("seed"),
        }
        return "|".join(f"{key}:{value}" for key, value in parts.items() if value is not None)


def find(connection: duckdb.DuckDBPyConnection, wanted: str) -> Run:
    """The run of this id, else the newest of this name, else the newest whose id begins so.

    Raises:
        RecipeError: there is none; the newest runs are named.
    """
    rows = connection.execute(
        "SELECT run, name, state, started, ended, error, recipe FROM runs WHERE run = $1 "
        "OR starts_with(run, $1) ORDER BY run = $1 DESC, name = $1 DESC, started DESC LIMIT 1",
        [wanted],
    ).fetchall()  # of a result that is not fetched whole, DuckDB keeps the connection busy
    if not rows:
        known = connection.execute("SELECT run FROM runs ORDER BY started DESC LIMIT 5").fetchall()
        names = ", ".join(r for (r,) in known) or "none yet"
        raise RecipeError(f"Run must be one of the catalogue's, was: {wanted!r} (newest: {names})")
    name, title, state, started, ended, error, recipe = rows[0]
    settings = json.loads(recipe)
    return Run(name, title, state, started, ended, error, settings, _recipe(settings))


def _recipe(settings: dict[str, Any]) -> Recipe | None:
    try:
        return Recipe.model_validate(settings)
    except ValidationError:  # another version's; the page says that limits are not known
        return None
