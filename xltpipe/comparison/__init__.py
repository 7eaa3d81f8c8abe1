"""Comparison: several projectors over the same pairs, with gold labels or against each other."""

from __future__ import annotations

from xltpipe.comparison.findings import Comparison, Finding, InLanguage
from xltpipe.comparison.methods import contenders, label, with_projector
from xltpipe.comparison.pairs import Texts, gold_pairs, train, translated
from xltpipe.errors import XltError
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Compare, Contender
from xltpipe.store import Store

__all__ = ["Comparison", "Finding", "InLanguage", "compare"]

NOT_APPLICABLE = "it writes a target text of its own, and here the target texts are given"


def compare(recipe: Recipe, store: Store) -> Comparison:
    """Label the recipe's training data with every method, in each target language.

    What a run of the recipe made already is taken from the shelf, and the other way round. A
    method that fails is told as failed and does not keep the others from being compared.

    Raises:
        RecipeError, DataError, MissingExtraError: data or engine are wrong for all methods.
    """
    return Comparison(
        recipe.name, tuple(_in_language(recipe, store, target) for target in recipe.targets)
    )


def _in_language(recipe: Recipe, store: Store, target: str) -> InLanguage:
    settings = recipe.compare or Compare()
    recipe.train.check()
    given = next((g for g in settings.gold if g.lang == target), None)
    if given is None:
        recipe.translation.build(recipe.source, target)  # a wrong engine is no method's fault
        texts = train(recipe, store, settings.rows)
    else:
        given.data.check()
        texts = gold_pairs(recipe, store, given, settings.rows)
    methods = contenders(recipe, given=given is not None)
    found = tuple(_finding(recipe, store, target, method, texts) for method in methods)
    return InLanguage(recipe.source, target, texts.rows, texts.left_out, texts.gold, found)


def _finding(recipe: Recipe, store: Store, target: str, method: Contender, texts: Texts) -> Finding:
    """What one method made, or why it could not: its fault is answered by telling it."""
    if texts.gold is not None and not method.projection.in_place:
        return Finding.without(method, "not_applicable", NOT_APPLICABLE)
    own = with_projector(recipe, method)
    try:
        shards = texts.shards
        if texts.gold is None:
            shards = translated(own, store, target, texts.rows).shards
        return label(own, store, method, shards, (recipe.source, target))
    except XltError as error:
        return Finding.without(method, "failed", str(error))
    except Exception as error:  # noqa: BLE001, whatever it was is shown under the method's name
        return Finding.without(method, "failed", f"{type(error).__name__}: {error}")
