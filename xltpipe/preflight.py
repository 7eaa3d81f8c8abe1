"""Preflight: the faults of a recipe, met before anything runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from xltpipe import progress
from xltpipe.alignment import AlignerSpec, Ensemble
from xltpipe.datasets.files import FileSource
from xltpipe.errors import DataError, RecipeError
from xltpipe.quality import COLUMNS
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Test
from xltpipe.steps import sender
from xltpipe.tools import RunTools, aligners
from xltpipe.translation import Fallback, TranslatorSpec

_COPYING = ("copied", "identical", "similarity", "target_language")
"""Rules that reject a text left as it is."""


def preflight(recipe: Recipe) -> None:
    """Meet the faults of a recipe before anything runs: model, languages, aligner, packages.

    Raises:
        RecipeError, MissingExtraError: as building the components would.
        DataError: a test file has no rows, or its first is not valid.
    """
    against = [name for name in _COPYING if name in recipe.rules.limits()]
    if _copies(recipe.translation) and against:
        progress.note(
            f"translation copy leaves texts as they are, which the rules {', '.join(against)} "
            "reject; false under [rules] switches them off"
        )
    recipe.translation.check()
    if recipe.quality.agreement is not None and recipe.quality.agreement.idle(recipe.projection):
        progress.note(
            "quality.agreement names the very method that projects: rows agree by construction; "
            "another method, or other aligners, would tell more"
        )
    for source in recipe.sources:
        source.check()
    _unscored(recipe)
    _rules(recipe)
    if set(recipe.strategies) - {"corpus"}:
        recipe.training.check()
        _tests(recipe)
    for target in recipe.targets:
        if recipe.labelling:
            sender(recipe, recipe.translation.build(recipe.source, target), recipe.source, target)
        if recipe.testing:
            recipe.translation.build(target, recipe.source)
        if recipe.labelling or recipe.testing:
            _meet(recipe, target)


def _tests(recipe: Recipe) -> None:
    """Meet test files that cannot be scored on: they are read when all else is done."""
    for test in recipe.tests:
        if not isinstance(test.data, FileSource):
            continue  # looking into a data set on the hub may load it
        _first_row(test.model_dump_json(), recipe.root)


@lru_cache(maxsize=256)
def _first_row(told: str, root: Path) -> None:
    """Read a test's first row, once for all cells of a comparison: SQuAD is read whole for it.

    `told` is the test as JSON. What is wrong is not remembered: it may be mended meanwhile.
    """
    test = Test.model_validate_json(told)
    if next(iter(test.data.read(test.lang, root)), None) is None:
        raise DataError(
            f"Test {test.name} ({test.lang}) must hold at least one example, was: none in "
            f"{test.data}; give it rows, or take it out of [[tests]]"
        )


def _copies(engine: TranslatorSpec) -> bool:
    """Some texts, or all, are left as they are."""
    if isinstance(engine, Fallback):
        return any(map(_copies, engine.engines))
    return engine.kind == "copy"


def _unscored(recipe: Recipe) -> None:
    """Tell of tests that no strategy is run for."""
    for target, strategies in recipe.arms:
        if not strategies and recipe.tests_in(target):
            progress.note(
                f"tests in {target} are not scored: sequence.order does not name this language"
            )


def _rules(recipe: Recipe) -> None:
    """A rule on a score that no row gets would reject nothing, in silence."""
    known = recipe.quality.known()
    idle = [
        name
        for name, limits in recipe.rules.limits().items()
        if name not in known and limits != COLUMNS[name].limits
    ]
    if idle:
        raise RecipeError(
            f"Rules must be on scores that rows get, was: {', '.join(idle)}; switch on what gives "
            "them under [quality], or take the rules away"
        )


def _meet(recipe: Recipe, target: str) -> None:
    """Meet the faults of projector, scorers and their aligners for one target language."""
    engine = recipe.translation
    tools = RunTools(
        recipe.source,
        target,
        engine.native_markers(),
        engine.aligning_model(),
        native_tags=engine.native_tags(),
    )
    scored = recipe.labelling
    for settings in (recipe.projection, *((recipe.quality,) if scored else ())):
        settings.check()
        settings.meet(tools)
    for needed in aligners(recipe, 0, target, scored=scored):
        needed.spec.check()
        for spec in _untrained(needed.spec):
            spec.build(None, recipe.source, target, engine.aligning_model())


def _untrained(spec: AlignerSpec) -> list[AlignerSpec]:
    """The aligners in these settings that can be built without an artefact."""
    members = spec.members if isinstance(spec, Ensemble) else (spec,)
    return [member for member in members if not member.trained]
