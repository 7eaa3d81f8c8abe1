"""Rules to look at: those of the run, of another recipe, or with some thresholds changed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from xltpipe.errors import RecipeError
from xltpipe.faults import explain
from xltpipe.quality import Rules
from xltpipe.quality.column import Limits
from xltpipe.quality.combination import Model
from xltpipe.recipe import Recipe

if TYPE_CHECKING:
    from xltpipe.reporting.run import Run


@dataclass(frozen=True, slots=True)
class Decision:
    """Rules to count with, and the combined model that gives `combined` anew, if one is named."""

    rules: Rules
    model: Model | None = None


def decision(run: Run, recipe: Recipe | None = None, changes: Sequence[str] = ()) -> Decision:
    """The rules of `recipe` (else the run's own) with `changes` such as `length_ratio.max=2.5`.

    Raises:
        RecipeError: a change is not of that form, names no rule, or is out of the score's range;
            or this version cannot read the run's settings and no recipe is given.
    """
    chosen = recipe or run.recipe
    if chosen is None:
        raise RecipeError(
            f"Run must have settings that this version can read, was: {run.id}; name a recipe"
        )
    rules = changed(chosen.verdicts, changes)
    combined = getattr(recipe.quality, "combined", None) if recipe else None
    return Decision(rules, combined.build() if combined else None)


def changed(rules: Rules, changes: Sequence[str]) -> Rules:
    """The rules with changes: `column.min=…`, `column.max=…`, `column=false`.

    Raises:
        RecipeError: see `decision`.
    """
    data: dict[str, Any] = rules.model_dump()
    for change in changes:
        column, edge, value = _parsed(change)
        if edge is None:
            data[column] = value
        else:
            data[column] = {**(data.get(column) or {}), edge: value}
    try:
        return Rules.model_validate(data)
    except ValidationError as error:
        faults = "".join(f"\n  {line}" for line in explain(error, Rules))
        was = ", ".join(changes)
        raise RecipeError(f"Rules must be valid, was: {was} with{faults}") from error


def _parsed(change: str) -> tuple[str, str | None, object]:
    """Column, edge (None: the whole rule) and value; `off` takes an edge away."""
    name, equals, text = change.partition("=")
    column, dot, edge = name.strip().partition(".")
    if not equals or not column or (dot and edge not in {"min", "max"}):
        raise RecipeError(
            "Change must be like length_ratio.max=2.5, length_ratio.max=off or "
            f"length_ratio=false, was: {change!r}"
        )
    word = text.strip().lower()
    if word in {"off", "none"} or (word == "false" and edge):
        return column, edge or None, None
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except (ValueError, RecursionError):
        value = text.strip()
    return column, edge or None, value


def replaced(rules: Rules, others: Mapping[str, Limits]) -> Rules:
    """The rules with some in place of their own."""
    return Rules.model_validate(
        {**rules.model_dump(), **{n: r.model_dump() for n, r in others.items()}}
    )
