"""Cells: the recipes that a matrix stands for, one per combination that can make a difference.

An axis that has no influence on a strategy collapses: zero-shot knows no projector and no filter,
so it is run once and stands beside all of them. What cannot run stays in the table, with the
reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from pydantic import ValidationError

from xltpipe.compared.axes import COPY, UPPER, arms, seeds_of, settings
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.faults import explain
from xltpipe.matrix import Filter, Matrix, Training
from xltpipe.preflight import preflight
from xltpipe.projection import Markers
from xltpipe.quality import Rules
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Sequential
from xltpipe.strategies import OF_EVERY
from xltpipe.training import Subsample
from xltpipe.translation import Copy

UNTOUCHED: dict[str, frozenset[str]] = {
    "zero_shot": frozenset({"projection", "filter"}),
    "few_shot": frozenset({"projection", "filter"}),
    UPPER: frozenset({"projection", "filter"}),
    "translate_test": frozenset({"filter"}),
    COPY: frozenset({"projection", "filter"}),
}
"""Axes that a strategy does not know; of one that is not named here all count."""

GOLD = frozenset({UPPER, "few_shot"})
"""Strategies that learn from gold data of the target language."""

Faults = (RecipeError, DataError, MissingExtraError)


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. An axis is None where the strategy does not know it.

    `recipe` is None, and `reason` set, where it cannot run.
    """

    target: str
    strategy: str
    projection: str | None
    filter: str | None
    training: str
    seed: int
    recipe: Recipe | None = None
    reason: str | None = None

    @property
    def run(self) -> str | None:
        """The id of its run."""
        return None if self.recipe is None else self.recipe.run

    @property
    def group(self) -> tuple[str, str, str | None, str | None, str]:
        """All but the seed."""
        return self.target, self.strategy, self.projection, self.filter, self.training

    @property
    def label(self) -> str:
        """For people and names of runs: `spa.translate_train.markers.rules.crf.s1`."""
        parts = (*(part for part in self.group if part is not None), f"s{self.seed}")
        return ".".join(parts)


def expand(recipe: Recipe) -> list[Cell]:
    """All cells, by target, strategy and the other axes in their order.

    Raises:
        RecipeError: see `settings`.
    """
    matrix = settings(recipe)
    cells: dict[str, Cell] = {}
    for target, strategy in _columns(recipe, matrix):
        for cell, changes in _combined(recipe, matrix, target, strategy):
            if cell.label not in cells:
                cells[cell.label] = _filled(recipe, cell, changes)
    return list(cells.values())


def met(recipe: Recipe, cells: list[Cell]) -> list[Cell]:
    """The cells after the faults that a run would meet at once: such cells cannot run.

    Raises:
        RecipeError: none of the cells can run. DataError: a source cannot be read.
    """
    for source in recipe.sources:
        source.check()
    known: dict[object, str | None] = {}
    out = []
    for cell in cells:
        if cell.recipe is not None:
            if cell.group not in known:
                known[cell.group] = _fault(cell.recipe)
            reason = known[cell.group]
            out.append(replace(cell, recipe=None, reason=reason) if reason else cell)
        else:
            out.append(cell)
    if all(cell.recipe is None for cell in out):
        reasons = dict.fromkeys(f"\n  {'.'.join(filter(None, c.group))}: {c.reason}" for c in out)
        raise RecipeError(
            f"Matrix must have a cell that can run, was: none of {len(out)}{''.join(reasons)}"
        )
    return out


def _fault(recipe: Recipe) -> str | None:
    try:
        preflight(recipe)
    except Faults as error:
        return str(error)
    return None


def _columns(recipe: Recipe, matrix: Matrix) -> Iterator[tuple[str, str]]:
    """Every language with every strategy; the source with `sequential`, if it has tests."""
    every = arms(matrix)
    if "sequential" in every and recipe.source in recipe.order and recipe.tests_in(recipe.source):
        yield recipe.source, "sequential"
    yield from product(matrix.targets or (), every)


def _combined(
    recipe: Recipe, matrix: Matrix, target: str, strategy: str
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Every cell of a strategy in a language, and what its recipe changes."""
    learnt = recipe.sequence.data if strategy == "sequential" else strategy
    untouched = UNTOUCHED.get(learnt, frozenset())
    projections = (None,) if "projection" in untouched else matrix.projections or ()
    filters = (None,) if "filter" in untouched else matrix.filters or ()
    for projection, chosen, training in product(projections, filters, matrix.trainings or ()):
        for seed in seeds_of(matrix, training, strategy):
            cell = Cell(
                target,
                strategy,
                None if projection is None else projection.name,
                None if chosen is None else chosen.name,
                training.name,
                seed,
            )
            changes: dict[str, Any] = {"seed": seed, "training": _sampled(matrix, training)}
            if projection is not None:
                changes["projection"] = projection.projection
            yield cell, changes | _filter(chosen)


def _sampled(matrix: Matrix, training: Training) -> object:
    spec = training.training
    if matrix.subsample is None or isinstance(spec, Subsample):
        return spec
    # plain, so that a trainer that cannot be wrapped is the reason of its cell
    return {"kind": "subsample", "share": matrix.subsample, "of": spec.model_dump()}


def _filter(chosen: Filter | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if chosen is not None and chosen.quality is not None:
        changes["quality"] = chosen.quality
    if chosen is not None and chosen.keep_all:
        changes["rules"] = no_rules()
    elif chosen is not None and chosen.rules is not None:
        changes["rules"] = chosen.rules
    return changes


def no_rules() -> Rules:
    """Rules that reject no row."""
    return Rules.model_validate(dict.fromkeys(Rules().limits(), False))


def _filled(recipe: Recipe, cell: Cell, changes: dict[str, Any]) -> Cell:
    """The cell with its recipe, or the reason why there is none."""
    strategy = cell.strategy
    if strategy == COPY:
        strategy = "translate_train"
        changes |= {"translation": Copy(), "projection": Markers(), "rules": no_rules()}
    tests = recipe.tests_in(cell.target)
    if not tests:
        return replace(cell, reason="no [[tests]] in this language: there is nothing to score on")
    sequenced = strategy == "sequential"
    if sequenced and cell.target not in recipe.order:
        return replace(cell, reason="sequence.order does not name this language")
    targets = recipe.targets if strategy in OF_EVERY else (cell.target,)
    learnt = recipe.sequence.data if sequenced else strategy
    gold = learnt in GOLD or recipe.gold_rows is not None
    own = {
        "name": f"{recipe.name}.{cell.label}"[:100],
        "targets": targets,
        "strategies": (strategy,),
        "tests": tests,
        "sequence": recipe.sequence if sequenced else Sequential(),
        "supervised": tuple(s for s in recipe.supervised if gold and s.lang in targets),
        "compare": None,
        "matrix": None,
    }
    try:
        return replace(cell, recipe=Recipe.model_validate({**dict(recipe), **own, **changes}))
    except ValidationError as error:
        return replace(cell, reason="; ".join(explain(error, Recipe)))
