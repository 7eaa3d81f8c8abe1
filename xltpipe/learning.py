"""Training as a step, and what it learns from: portions of examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

from xltpipe.errors import DataError
from xltpipe.protocols import PairTrainer, Resuming
from xltpipe.recipe import Recipe
from xltpipe.rows import View
from xltpipe.rows import examples as rows_of
from xltpipe.rows import units as units_of
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.tools import recorded
from xltpipe.training.continuing import go_on
from xltpipe.types import Example, Unit

T = TypeVar("T")

CHECKPOINTS = "checkpoints"
"""Folder of the store: checkpoints of trainings under way, by their keys; each is gone when its
training is done."""

TRAIN = 2


@dataclass(frozen=True, slots=True)
class Portion:
    """Some examples to learn from: shards in one language; of judged units, one of their sides.

    `limit`: no more than the first so many examples.
    """

    lang: str
    shards: tuple[Shard, ...]
    view: View = "target"
    limit: int | None = None

    @property
    def rows(self) -> int:
        """How many rows there are to read, at most."""
        rows = sum(s.rows for s in self.shards)
        return rows if self.limit is None else min(rows, self.limit)


def examples_of(store: Store, shards: Iterable[Shard], lang: str) -> Iterator[Example]:
    """The examples of read or corpus shards, streaming shard by shard."""
    return _all(store, [Portion(lang, tuple(shards))])


def _all(store: Store, portions: Sequence[Portion]) -> Iterator[Example]:
    """The examples of all portions, one portion after the other."""
    for portion in portions:
        number = 0
        for example in islice(_each(store, portion), portion.limit):
            number += 1
            yield example
        if portion.limit is not None and number < portion.limit:
            raise DataError(
                f"Gold rows must be at least gold_rows = {portion.limit}, was: {number} "
                f"({portion.lang}); lower gold_rows"
            )


def _each(store: Store, portion: Portion) -> Iterator[Example]:
    for shard in portion.shards:
        yield from rows_of(store.read(shard), shard.stage, portion.lang, portion.view)


def _units(store: Store, portions: Sequence[Portion]) -> Iterator[Unit]:
    """The kept units of all portions, which must be of judged shards."""
    for portion in portions:
        for shard in portion.shards:
            yield from units_of(store.read(shard))


def train(
    recipe: Recipe,
    store: Store,
    data: Sequence[Portion],
    dev: Sequence[Portion] = (),
    earlier: Shard | None = None,
) -> Step:
    """Train the recipe's model on portions of examples, which may be in several languages.

    It is a new one, or goes on from an `earlier` one, by whose key it is known, too.
    """
    identity: dict[str, object] = {
        "training": recipe.training.identity(),
        "task": recipe.task,
        "seed": recipe.seed,
        "data": [_plain(portion) for portion in data],
        "dev": [_plain(portion) for portion in dev],
        **({} if earlier is None else {"goes_on": True}),
    }

    def build(home: Path) -> Counts:
        trainer = recipe.training.build(recipe.seed, recipe.task)
        if isinstance(trainer, Resuming):  # beside the store's own scratch, which is swept
            trainer.keep(store.root / CHECKPOINTS / step.key)
        if earlier is not None:
            go_on(trainer, store.path(earlier), recipe.training.kind)
        rows = [0]

        def counted(given: Iterable[T]) -> Iterator[T]:
            for row in given:
                rows[0] += 1
                yield row

        if isinstance(trainer, PairTrainer):
            pairs = counted(_units(store, data))
            trainer.train_pairs(pairs, _units(store, dev), home / "tagger")
        else:
            trainer.train(counted(_all(store, data)), _all(store, dev), home / "tagger")
        return {**recorded(home / "tagger" / "report.json"), "rows": rows[0]}

    inputs = (*_ids(data), "dev", *_ids(dev), *([earlier.id] if earlier is not None else []))
    rows = sum(p.rows for p in data)
    step = Step("train", TRAIN, identity, inputs, build, rows, "tagger", long=True)
    return step


def _plain(portion: Portion) -> list[object]:
    return [portion.lang, portion.view, portion.limit, len(portion.shards)]


def _ids(portions: Sequence[Portion]) -> list[str]:
    return [shard.id for portion in portions for shard in portion.shards]
