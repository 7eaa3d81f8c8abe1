"""Predicting and evaluating as steps; every number is stored with its signature."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from xltpipe import ensembles, progress, responding, stages, tables
from xltpipe.durable import write_table
from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.kinds import LABELS
from xltpipe.learning import examples_of
from xltpipe.protocols import PairTagger, Scoring
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Test
from xltpipe.settled import once
from xltpipe.steps import PART
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.training.turns import ASSISTANT, turns
from xltpipe.types import Example, Score, Unit

EVALUATE = 3
EMPTY: Mapping[str, str] = MappingProxyType({})


def predict_translated(recipe: Recipe, store: Store, shard: Shard, tagger: Shard) -> Step:
    """Turn translated test data round: predicted labels on the translation are the source now.

    Responses that were written for it are translated back.
    """

    def build(home: Path) -> Counts:
        units = tables.table_to_units(store.read(shard))
        model = recipe.training.load(store.path(tagger))
        texts = [u.target for u in units]
        predicted = stages.predict(texts, model)
        turned, counts = responding.turned(recipe, store, units, predicted)
        write_table(tables.units_to_table(turned), home / PART)
        if isinstance(model, Scoring) and recipe.task in LABELS:
            chances = zip(model.probabilities(texts), units, strict=True)
            ensembles.write([{} if u.error else one for one, u in chances], home)
        spans = sum(len(u.source.spans) for u in turned)
        return {"rows": len(turned), "spans": spans, **counts}

    training = once(recipe.training.identity, "training", recipe)
    identity = {"training": training, "turned": True, **responding.identity(recipe)}
    return Step("predict", stages.PREDICT, identity, (shard.id, tagger.id), build, shard.rows)


def evaluate(
    recipe: Recipe,
    store: Store,
    strategy: str,
    test: Test,
    gold: Sequence[Shard],
    tagger: Shard,
    further: Mapping[str, str] = EMPTY,
) -> Step:
    """Predict on a test set with a tagger of its own language (or another's) and score.

    `further` is what the signature must tell besides.
    """

    def build(home: Path) -> Counts:
        truth = list(examples_of(store, gold, test.lang))
        progress.expect("predict", len(truth))
        model = recipe.training.load(store.path(tagger))
        predicted = stages.predict(truth, model)
        if isinstance(model, Scoring) and recipe.task in LABELS:
            ensembles.write(model.probabilities([_bare(e) for e in truth]), home)
        return _scored(recipe, home, strategy, test, truth, predicted, further)

    identity = _identity(recipe, strategy, test, further)
    return _step(identity, gold, (tagger,), build)


def evaluate_projected(
    recipe: Recipe,
    store: Store,
    strategy: str,
    test: Test,
    gold: Sequence[Shard],
    projected: Sequence[Shard],
    further: Mapping[str, str] = EMPTY,
    turned: Sequence[Shard] = (),
) -> Step:
    """Score labels that were predicted on a translation and projected back to the original.

    `turned` are the predictions on the translation: of a model that has probabilities, they are
    kept for `evaluate_ensemble`.
    """

    def build(home: Path) -> Counts:
        truth = list(examples_of(store, gold, test.lang))
        units = [u for s in projected for u in tables.table_to_units(store.read(s))]
        predicted = [u.target for u in units]
        counts = _scored(recipe, home, strategy, test, truth, predicted, further)
        ensembles.join([store.folder(shard) for shard in turned], home)
        lost = sum(p.target is None for u in units for p in u.placements)
        return {
            **counts,
            "spans_lost": lost,
            "quarantined": sum(u.error is not None for u in units),
        }

    identity = _identity(recipe, strategy, test, further)
    return _step(identity, gold, projected, build)


def evaluate_fused(
    recipe: Recipe,
    store: Store,
    test: Test,
    gold: Sequence[Shard],
    units: Sequence[Shard],
    tagger: Shard,
    further: Mapping[str, str] = EMPTY,
) -> Step:
    """Predict on test texts beside their translations (`units`), and score.

    A text that could not be translated is predicted beside an empty one.
    """

    def build(home: Path) -> Counts:
        truth = list(examples_of(store, gold, test.lang))
        model = recipe.training.load(store.path(tagger))
        if not isinstance(model, PairTagger):
            raise DataError(f"Model must read pairs of texts, was: {recipe.training.kind}")
        pairs = [u for s in units for u in tables.table_to_units(store.read(s))]
        bare = [Unit(u.target, _bare(u.source)) for u in pairs]
        counts = _scored(recipe, home, "fused", test, truth, model.predict_units(bare), further)
        return counts | {"untranslated": sum(u.error is not None for u in pairs)}

    identity = _identity(recipe, "fused", test, further)
    return _step(identity, gold, (*units, tagger), build)


def _bare(example: Example) -> Example:
    return replace(example, spans=(), links=(), label=None)


def evaluate_ensemble(
    recipe: Recipe,
    store: Store,
    test: Test,
    gold: Sequence[Shard],
    both: tuple[Shard, Shard],
    further: Mapping[str, str] = EMPTY,
) -> Step:
    """Score the predictions of two evaluations on the same test put together."""

    def build(home: Path) -> Counts:
        truth = list(examples_of(store, gold, test.lang))
        guesses = [tables.table_to_examples(store.read(shard)) for shard in both]
        chances = [ensembles.read(store.folder(shard)) for shard in both]
        predicted = ensembles.combined(guesses, chances, recipe.joined_by)
        return _scored(recipe, home, "ensemble", test, truth, predicted, further)

    identity = _identity(recipe, "ensemble", test, further) | {"how": recipe.joined_by}
    return _step(identity, gold, both, build)


def _step(
    identity: Mapping[str, object],
    gold: Sequence[Shard],
    made: Sequence[Shard],
    build: Callable[[Path], Counts],
) -> Step:
    """A score on gold rows of what was made for them: a tagger, translations, predictions."""
    ids = tuple(shard.id for shard in (*gold, *made))
    return Step("evaluate", EVALUATE, identity, ids, build, sum(s.rows for s in gold))


def _identity(
    recipe: Recipe, strategy: str, test: Test, further: Mapping[str, str]
) -> dict[str, object]:
    return {
        **({"further": dict(further)} if further else {}),
        "evaluation": recipe.evaluation.identity(),
        "predict": stages.PREDICT,
        "strategy": strategy,
        "test": test.name,
        "lang": test.lang,
        "seed": recipe.seed,
    }


def _scored(
    recipe: Recipe,
    home: Path,
    strategy: str,
    test: Test,
    gold: Sequence[Example],
    predicted: Sequence[Example],
    further: Mapping[str, str],
) -> Counts:
    _check_references(recipe, test, gold)
    context = {
        "test": test.name,
        "lang": test.lang,
        "strategy": strategy,
        "trainer": getattr(recipe.training, "told", recipe.training.kind),
        "seed": str(recipe.seed),
    }
    score = recipe.evaluation.build(context | dict(further)).measure(gold, predicted)
    write_table(tables.examples_to_table(list(predicted)), home / PART)
    record = {
        "name": score.name,
        "value": score.value,
        "signature": score.signature,
        "details": score.details,
        **context,
    }
    (home / "result.json").write_text(
        json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return {"rows": len(gold), "value": score.value}


def _check_references(recipe: Recipe, test: Test, gold: Sequence[Example]) -> None:
    """Written responses are compared with the last turn, so that it must be one."""
    if recipe.task != "instructions":
        return
    wrong = [e.id for e in gold if not e.texts or not e.texts[-1] or turns(e)[-1].role != ASSISTANT]
    if wrong:
        raise DataError(
            f"Test {test.name} must end each dialogue with a response to compare with, was: "
            f"{len(wrong)} of {len(gold)} without, the first {wrong[0]!r}; leave them out"
        )


def result(store: Store, shard: Shard) -> Score:
    """The score that an evaluate step stored.

    Raises:
        DataError: its file is not there or holds no score.
    """
    path = store.folder(shard) / "result.json"
    try:
        record = loads(path.read_bytes())
        details = {str(name): float(value) for name, value in record["details"].items()}
        return Score(str(record["name"]), float(record["value"]), str(record["signature"]), details)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"Score must be a file that a run wrote, was: {path} ({error})") from error
