"""Pairs: the target texts that the methods label, given with gold labels or translated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xltpipe import progress, steps, tables
from xltpipe.datasets import SourceSpec
from xltpipe.durable import write_table
from xltpipe.errors import DataError
from xltpipe.recipe import Recipe
from xltpipe.recipe_parts import Parallel
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.types import Example, Translation, Unit

PAIR = 1
HEAD = 1


@dataclass(frozen=True, slots=True)
class Texts:
    """Shards of units without labels; gold examples, one a row, if there are; rows left out."""

    shards: list[Shard]
    rows: int
    left_out: int
    gold: tuple[Example, ...] | None = None


def translated(recipe: Recipe, store: Store, target: str, rows: int | None) -> Texts:
    """The first rows of `train`, translated as the recipe's projector wants it.

    Translations that a run of the recipe put on the shelf are used, and found there by a later one.
    """
    texts = train(recipe, store, rows)
    shards, left = [], texts.rows
    for shard in texts.shards:
        made = _translate(recipe, store, shard, target, left)
        shards.append(made)
        left -= made.rows
    return replace(texts, shards=shards)


def train(recipe: Recipe, store: Store, rows: int | None) -> Texts:
    """The shards of `train` that hold the first rows, not translated and not cut yet."""
    read = _read(recipe, store, recipe.train, recipe.source)
    total = sum(shard.rows for shard in read)
    wanted = total if rows is None else min(rows, total)
    shards, reached = [], 0
    for shard in read:
        if reached < wanted:
            shards.append(shard)
        reached += shard.rows
    return Texts(shards, wanted, total - wanted)


def _translate(recipe: Recipe, store: Store, shard: Shard, target: str, most: int) -> Shard:
    """One shard's translation, cut after `most` rows: before translating, if it is still to do."""
    step = steps.translate(recipe, store, shard, recipe.source, target)
    if shard.rows > most and store.find(step) is None:
        shard = _head(store, shard, most)
        step = steps.translate(recipe, store, shard, recipe.source, target)
    made = shelved(store, step)
    return made if made.rows <= most else _head(store, made, most)


def shelved(store: Store, step: Step) -> Shard:
    """The artefact of a step, with its progress announced where it is still to make."""
    found = store.find(step)
    if found is not None:
        return found
    progress.expect(step.stage, step.rows)
    return store.make(step)[0]


def _head(store: Store, shard: Shard, rows: int) -> Shard:
    """The first rows of a shard, as a shard of its own."""

    def build(home: Path) -> Counts:
        write_table(store.read(shard).slice(0, rows), home / steps.PART)
        return {"rows": rows}

    made, _ = store.make(Step("head", HEAD, {"rows": rows}, (shard.id,), build, rows))
    return steps.parts(store, made)[0]


def gold_pairs(recipe: Recipe, store: Store, gold: Parallel, rows: int | None) -> Texts:
    """The first rows of `train`, each with the text of its gold counterpart.

    Raises:
        DataError: the two are not parallel.
    """
    sources = _read(recipe, store, recipe.train, recipe.source)
    targets = _read(recipe, store, gold.data, gold.lang)
    given = list(_examples(store, sources))
    matched = parallel(given, list(_examples(store, targets)))
    kept = matched[:rows]

    def build(home: Path) -> Counts:
        units = (_unit(source, right) for source, right in zip(given, kept, strict=False))
        for number, batch in enumerate(tables.batches(units, recipe.shard_rows)):
            write_table(tables.units_to_table(batch), home / f"part-{number:05d}.parquet")
        return {"rows": len(kept)}

    identity = {"rows": rows, "shard_rows": recipe.shard_rows}
    inputs = (*(s.id for s in sources), "gold", *(s.id for s in targets))
    made, _ = store.make(Step("pair", PAIR, identity, inputs, build, len(kept), part=""))
    return Texts(steps.parts(store, made), len(kept), len(matched) - len(kept), tuple(kept))


def parallel(sources: Sequence[Example], golds: Sequence[Example]) -> list[Example]:
    """For each source example its gold counterpart, under the source's id.

    By id where the two sides share ids, by order where they share none.

    Raises:
        DataError: a row has no counterpart, or one with another number of texts.
    """
    by_id = {gold.id: gold for gold in golds}
    if any(source.id in by_id for source in sources):
        found = [by_id.get(source.id) for source in sources]
        known = {source.id for source in sources}
        beyond = [gold for gold in golds if gold.id not in known]
        how = "by id"
    else:
        found = [*golds[: len(sources)], *[None] * (len(sources) - len(golds))]
        beyond = list(golds[len(sources) :])
        how = "by order"
    for row, (source, right) in enumerate(zip(sources, found, strict=True)):
        if right is None or len(right.texts) != len(source.texts):
            raise _mismatch(row, source, right, how, (len(sources), len(golds)))
    if beyond:
        row = next(n for n, gold in enumerate(golds) if gold is beyond[0])
        raise _mismatch(row, None, beyond[0], how, (len(sources), len(golds)))
    return [
        replace(right, id=source.id)
        for source, right in zip(sources, found, strict=True)
        if right is not None
    ]


def _mismatch(
    row: int, source: Example | None, gold: Example | None, how: str, sizes: tuple[int, int]
) -> DataError:
    def shown(example: Example | None) -> str:
        return "no row" if example is None else f"{example.id!r} {list(example.texts)!r}"

    return DataError(
        f"Gold must have one row for each row of train, here matched {how}, was: row {row}: "
        f"train has {shown(source)}, gold has {shown(gold)} ({sizes[0]} rows in train, "
        f"{sizes[1]} in gold)"
    )


def _unit(source: Example, gold: Example) -> Unit:
    target = replace(gold, spans=(), links=(), label=source.label)
    return Unit(source, target, source.texts, tuple(Translation(t) for t in gold.texts))


def _read(recipe: Recipe, store: Store, source: SourceSpec, lang: str) -> list[Shard]:
    return steps.parts(store, store.make(steps.read(recipe, source, lang))[0])


def _examples(store: Store, shards: Sequence[Shard]) -> Iterator[Example]:
    for shard in shards:
        yield from tables.table_to_examples(store.read(shard))
