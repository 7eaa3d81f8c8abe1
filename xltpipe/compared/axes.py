"""Axes: a recipe's matrix with everything filled in, and whether it can stand so."""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from xltpipe.errors import RecipeError
from xltpipe.matrix import Baseline, Filter, Matrix, Projection, Training
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Lang
from xltpipe.strategies import Strategy

COPY = "copy_control"
"""translate_train by the engine that copies: the source rows under the target's name."""
UPPER = "supervised"
"""The strategy whose score is the upper bound."""

CERTAIN = frozenset({"crf", "event_crf", "tfidf"})
"""Trainers that draw nothing by chance: every seed gives the same model."""


def settings(recipe: Recipe) -> Matrix:
    """The recipe's matrix with every axis filled in.

    Raises:
        RecipeError: a target, strategy or baseline is not known, or has no place in it; or cells
            cannot run side by side.
    """
    given = recipe.matrix or Matrix()
    whole = given.model_copy(
        update={
            "targets": _targets(recipe, given),
            "strategies": _strategies(recipe, given),
            "projections": given.projections
            or (Projection(name=_short(recipe.projection.kind), projection=recipe.projection),),
            "filters": given.filters or (Filter(name="rules"),),
            "trainings": given.trainings
            or (Training(name=_short(recipe.training.kind), training=recipe.training),),
            "seeds": given.seeds or (recipe.seed,),
        }
    )
    if whole.at_once > 1 and recipe.executor != "threads":
        raise RecipeError(
            'matrix.at_once must be 1 unless executor is "threads", was: '
            f"{whole.at_once} with {recipe.executor}, whose processes work side by side already"
        )
    if whole.baseline is not None:
        _check_baseline(whole, whole.baseline)
    return whole


def _targets(recipe: Recipe, given: Matrix) -> tuple[str, ...]:
    known = tuple(_lang(target) for target in given.targets or recipe.targets)
    strange = [target for target in known if target not in recipe.targets]
    if strange:
        raise RecipeError(
            f"matrix.targets must be some of the recipe's ({', '.join(recipe.targets)}), was: "
            f"{', '.join(strange)}"
        )
    return known


def _lang(code: str) -> str:
    try:
        return str(TypeAdapter(Lang).validate_python(code))
    except ValidationError as error:
        fault = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise RecipeError(f"matrix.targets: {fault}") from error


def _strategies(recipe: Recipe, given: Matrix) -> tuple[str, ...]:
    wanted = given.strategies or recipe.strategies
    for strategy in wanted:
        try:
            TypeAdapter(Strategy).validate_python(strategy)
        except ValidationError as error:
            fault = error.errors()[0]["msg"]
            raise RecipeError(f"matrix.strategies: {fault}, was: {strategy!r}") from error
    if "corpus" in wanted:
        raise RecipeError(
            "matrix.strategies must be scored, was: corpus, which trains nothing; take it out"
        )
    return tuple(wanted)


def _check_baseline(matrix: Matrix, baseline: Baseline) -> None:
    axes = {
        "strategy": arms(matrix),
        **{
            axis: [one.name for one in getattr(matrix, f"{axis}s") or ()]
            for axis in ("projection", "filter", "training")
        },
    }
    for axis, names in axes.items():
        named = getattr(baseline, axis)
        if named is not None and named not in names:
            raise RecipeError(
                f"matrix.baseline.{axis} must be one of {', '.join(names)}, was: {named!r}"
            )


def arms(matrix: Matrix) -> list[str]:
    """Strategies, and the control."""
    return [*(matrix.strategies or ()), *([COPY] if matrix.copy_control else [])]


def seeds_of(matrix: Matrix, training: Training, strategy: str) -> tuple[int, ...]:
    """The seeds of a training and a strategy: all, or the first where they change nothing."""
    seeds = matrix.seeds or ()
    drawn = matrix.subsample is not None or strategy == "code_switched"
    idle = not drawn and training.training.kind in CERTAIN
    return seeds[:1] if idle else seeds


def idle_seeds(matrix: Matrix) -> list[str]:
    """Names of trainings for which the seeds of the matrix change nothing."""
    seeds = matrix.seeds or ()
    every = arms(matrix)
    return [
        t.name
        for t in matrix.trainings or ()
        if any(len(seeds_of(matrix, t, arm)) < len(seeds) for arm in every)
    ]


def _short(kind: str) -> str:
    return kind.replace(".", "-")
