"""Results: what the run of a cell recorded: scores, counts by example, and what it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xltpipe import __version__, evaluating, tables
from xltpipe.compared.cells import Cell
from xltpipe.compared.sequence import learnt
from xltpipe.errors import DataError
from xltpipe.evaluation.statistics import Statistics
from xltpipe.runs import behind, record
from xltpipe.store import Shard, Store
from xltpipe.types import Example, Score

_TRANSLATING = frozenset({"translate", "predict"})
"""Stages that ask an engine; predicted responses are translated back."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What all artefacts of a run took when they were made, whoever made them first.

    Tokens are the translation engine's.
    """

    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """A cell on one test set; `shard` holds its predictions, `gold` what they are judged by."""

    cell: Cell
    test: str
    score: Score
    shard: Shard
    gold: tuple[Shard, ...]
    cost: Cost

    @property
    def learnt(self) -> str | None:
        """The languages that `sequential` had learnt by then, such as `eng>spa`."""
        done = learnt(self.score.signature)
        return None if done is None else ">".join(done)


def results(store: Store, cell: Cell) -> list[Result] | None:
    """One per test set (and stage of `sequential`), in order; None where the run is not recorded
    as a whole.

    What another version of xltpipe evaluated, or what is damaged, is not there: the cell is run
    again, and finds on the shelf what it can use.
    """
    found = None if cell.run is None else record(store, cell.run)
    if cell.recipe is None or found is None or found["state"] != "completed":
        return None
    (strategy,) = cell.recipe.strategies  # an ensemble records what it is made of, too
    outcomes = [o for o in found["outcomes"] if o["strategy"] == strategy]
    scores = [Shard(**fields) for outcome in outcomes for fields in outcome["scores"]]
    shards = [Shard(**fields) for outcome in outcomes for _, fields in outcome["shards"]]
    cost = _cost(store, _taken(found["outcomes"]))
    made = [_result(store, cell, shard, shards, cost) for shard in scores]
    whole = [result for result in made if result is not None]
    stages = len(cell.recipe.order) if strategy == "sequential" else 1
    expected = sorted(test.name for test in cell.recipe.tests for _ in range(stages))
    if cost is None or sorted(result.test for result in whole) != expected:
        return None
    return sorted(whole, key=lambda result: (result.test, result.learnt or ""))


def _result(
    store: Store, cell: Cell, shard: Shard, shards: Iterable[Shard], cost: Cost | None
) -> Result | None:
    manifest = store.manifest(shard)
    if manifest is None or manifest["version"] != evaluating.EVALUATE or cost is None:
        return None
    if manifest["libraries"].get("xltpipe") != __version__:
        return None
    known = {one.id: one for one in shards if one.stage == "read"}
    gold = tuple(known[id] for id in manifest["inputs"] if id in known)
    if any(store.whole(one) is None for one in (shard, *{one.key: one for one in gold}.values())):
        return None
    try:
        score = evaluating.result(store, shard)
    except DataError:
        return None
    return Result(cell, str(manifest["identity"].get("test", "")), score, shard, gold, cost)


def _taken(outcomes: Iterable[Mapping[str, Any]]) -> Iterator[Shard]:
    """All artefacts on record for what a run made, and for the corpora of other languages."""
    for outcome in outcomes:
        listed = [fields for _, fields in outcome["shards"]]
        for fields in (*listed, *outcome["scores"], *outcome.get("others", [])):
            yield Shard(**fields)


def _cost(store: Store, shards: Iterable[Shard]) -> Cost | None:
    """None where an artefact has no manifest any more.

    Those that hold no rows are not on record: they are found as inputs of those that are.
    """
    todo = list(shards)
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    while todo:
        shard = todo.pop()
        if (shard.stage, shard.key) in found:
            continue
        manifest = store.manifest(shard)
        if manifest is None:
            return None
        found[shard.stage, shard.key] = manifest
        todo += behind(store, manifest)
    manifests = found.values()
    sent, received = (
        sum(int(m["counts"].get(name, 0)) for m in manifests if m["stage"] in _TRANSLATING)
        for name in ("tokens_in", "tokens_out")
    )
    return Cost(sum(m["seconds"] for m in manifests), sent, received)


def statistics(store: Store, found: Sequence[Result]) -> Statistics:
    """What the examples of one test set contribute to the scores of some results, in order.

    Raises:
        DataError: predictions or gold cannot be read as they were written.
    """
    recipe = found[0].cell.recipe
    if recipe is None:
        raise DataError(f"Cell must have a recipe, was: none ({found[0].cell.label})")
    predicted = [_examples(store, [result.shard]) for result in found]
    truth = _examples(store, found[0].gold)
    return recipe.evaluation.build({}).statistics(truth, *predicted)


def _examples(store: Store, shards: Iterable[Shard]) -> list[Example]:
    return [example for s in shards for example in tables.table_to_examples(store.read(s))]
