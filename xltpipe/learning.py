"""Training, predicting and evaluating as steps; every number is stored with its signature."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from xltpipe import corpus, progress, stages, tables
from xltpipe.durable import write_table
from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.recipe import Recipe, Test
from xltpipe.settled import once
from xltpipe.steps import PART
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.tools import recorded
from xltpipe.types import Example, Score, Unit

TRAIN = 1
EVALUATE = 2
EMPTY: Mapping[str, str] = MappingProxyType({})


def examples_of(store: Store, shards: Sequence[Shard], lang: str) -> Iterator[Example]:
    """The examples of read or corpus shards, streaming shard by shard."""
    for shard in shards:
        table = store.read(shard)
        if shard.stage == corpus.STAGE:
            yield from corpus.examples(table, lang)
        else:
            yield from tables.table_to_examples(table)


def train(
    recipe: Recipe, store: Store, data: Sequence[Shard], dev: Sequence[Shard], lang: str
) -> Step:
    """Train the recipe's tagger on shards of examples in one language."""
    identity = {"training": recipe.training.identity(), "seed": recipe.seed, "lang": lang}

    def build(home: Path) -> Counts:
        trainer = recipe.training.build(recipe.seed)
        rows = [0]

        def counted() -> Iterator[Example]:
            for example in examples_of(store, data, lang):
                rows[0] += 1
                yield example

        trainer.train(counted(), examples_of(store, dev, lang), home / "tagger")
        return {**recorded(home / "tagger" / "report.json"), "rows": rows[0]}

    inputs = (*(s.id for s in data), "dev", *(s.id for s in dev))
    return Step("train", TRAIN, identity, inputs, build, sum(s.rows for s in data), "tagger")


def predict_translated(recipe: Recipe, store: Store, shard: Shard, tagger: Shard) -> Step:
    """Turn translated test data round: predicted labels on the translation are the source now."""

    def build(home: Path) -> Counts:
        units = tables.table_to_units(store.read(shard))
        model = recipe.training.load(store.path(tagger))
        predicted = stages.predict([u.target for u in units], model)
        turned = [
            Unit(p, _unlabelled(u.source, p.label), u.sent, u.received, error=u.error)
            for p, u in zip(predicted, units, strict=True)
        ]
        write_table(tables.units_to_table(turned), home / PART)
        return {"rows": len(turned), "spans": sum(len(u.source.spans) for u in turned)}

    training = once(recipe.training.identity, "training", recipe)
    identity = {"training": training, "turned": True}
    return Step("predict", stages.PREDICT, identity, (shard.id, tagger.id), build, shard.rows)


def _unlabelled(example: Example, label: str | None) -> Example:
    return replace(example, spans=(), links=(), label=label)


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
        predicted = stages.predict(truth, recipe.training.load(store.path(tagger)))
        return _scored(recipe, home, strategy, test, truth, predicted, further)

    return Step(
        "evaluate",
        EVALUATE,
        _identity(recipe, strategy, test, further),
        (*(s.id for s in gold), tagger.id),
        build,
        sum(s.rows for s in gold),
    )


def evaluate_projected(
    recipe: Recipe,
    store: Store,
    strategy: str,
    test: Test,
    gold: Sequence[Shard],
    projected: Sequence[Shard],
    further: Mapping[str, str] = EMPTY,
) -> Step:
    """Score labels that were predicted on a translation and projected back to the original."""

    def build(home: Path) -> Counts:
        truth = list(examples_of(store, gold, test.lang))
        units = [u for s in projected for u in tables.table_to_units(store.read(s))]
        # a quarantined row was predicted to hold nothing: it counts against the score
        predicted = [u.target for u in units]
        counts = _scored(recipe, home, strategy, test, truth, predicted, further)
        lost = sum(p.target is None for u in units for p in u.placements)
        return {
            **counts,
            "spans_lost": lost,
            "quarantined": sum(u.error is not None for u in units),
        }

    return Step(
        "evaluate",
        EVALUATE,
        _identity(recipe, strategy, test, further),
        (*(s.id for s in gold), *(s.id for s in projected)),
        build,
        sum(s.rows for s in gold),
    )


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
    context = {
        "test": test.name,
        "lang": test.lang,
        "strategy": strategy,
        "trainer": recipe.training.kind,
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
