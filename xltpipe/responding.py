"""Responding: predictions on translated texts, turned round towards the texts that they are for.

Labels are carried over by projection, which comes later. What was written is not: a response is
translated back into the language of its prompt, and a translation is in its own language already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from xltpipe import carried, progress, stages
from xltpipe.kinds import WRITTEN
from xltpipe.projection.tools import Plain
from xltpipe.recipe import Recipe
from xltpipe.settled import once
from xltpipe.store import Store
from xltpipe.translation.caching import with_cache
from xltpipe.types import Example, Unit


def identity(recipe: Recipe) -> dict[str, object]:
    """What decides how predictions are turned round, besides the model."""
    if recipe.task != "instructions":
        return {}
    engine = once(recipe.translation.identity, "translation", recipe)
    return {"back": engine, "translate": stages.TRANSLATE, "on_error": recipe.on_error}


def turned(
    recipe: Recipe, store: Store, units: Sequence[Unit], predicted: Sequence[Example]
) -> tuple[list[Unit], dict[str, int]]:
    """Units from what was predicted on the targets of `units`, to their sources; what was counted.

    Of a text that was not translated nothing is predicted: it counts against the score. So does a
    response that could not be translated back, where the recipe says `on_error = "quarantine"`.

    Raises:
        DataError, TransientError: as the translation of responses does.
    """
    pairs = list(zip(units, predicted, strict=True))
    if recipe.task not in WRITTEN:
        return [_turned(u, p, _labelled(u, p.label)) for u, p in pairs], {}
    if recipe.task == "instructions":
        return _back(recipe, store, pairs)
    return [_turned(u, p, _answered(u, p.texts[-1] if p.texts else "")) for u, p in pairs], {}


def _turned(unit: Unit, predicted: Example, target: Example, fault: str | None = None) -> Unit:
    return Unit(predicted, target, unit.sent, unit.received, error=unit.error or fault)


def _labelled(unit: Unit, label: str | None) -> Example:
    return replace(unit.source, spans=(), links=(), label=None if unit.error else label)


def _answered(unit: Unit, text: str) -> Example:
    return carried.answered(unit.source, "" if unit.error else text)


def _back(
    recipe: Recipe, store: Store, pairs: Sequence[tuple[Unit, Example]]
) -> tuple[list[Unit], dict[str, int]]:
    """Units whose targets have the responses in their own language."""
    if not pairs:
        return [], {}
    source, target = pairs[0][0].target.lang, pairs[0][0].source.lang
    asked = [
        Example(p.id, source, ("" if u.error or not p.texts else p.texts[-1],)) for u, p in pairs
    ]
    progress.expect("translate", len(asked))
    translator = with_cache(recipe.translation, store.root).build(source, target)
    back = stages.translate(asked, translator, Plain(), target, recipe.on_error)
    units = [
        _turned(u, p, _answered(u, b.target.texts[0]), b.error)
        for (u, p), b in zip(pairs, back, strict=True)
    ]
    received = [one for b in back for one in b.received]
    counts = {
        "responses_truncated": sum(one.truncated for one in received),
        "responses_untranslated": sum(b.error is not None for b in back),
        "tokens_in": sum(one.tokens_in for one in received),
        "tokens_out": sum(one.tokens_out for one in received),
    }
    return units, counts
