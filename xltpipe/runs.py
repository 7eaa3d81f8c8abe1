"""The record of a run: its recipe, its state, and which shards and scores are its own."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xltpipe.durable import write_whole
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Store

log = logging.getLogger("xltpipe.store")


@dataclass
class Outcome:
    """What one strategy made for one target language."""

    strategy: str
    target: str
    shards: list[tuple[str, Shard]] = field(default_factory=list)
    scores: list[Shard] = field(default_factory=list)

    def add(self, split: str, *shards: Shard) -> None:
        self.shards += [(split, shard) for shard in shards]

    def score(self, shard: Shard) -> None:
        self.scores.append(shard)


def folder(store: Store) -> Path:
    return store.root / "runs"


_active: list[Outcome] = []
"""Outcomes of the run that this process records: also of a strategy that fails half way."""


def begin(strategy: str, target: str) -> Outcome:
    """The outcome of a strategy that starts now, in place of what an earlier try left of it."""
    _active[:] = [o for o in _active if (o.strategy, o.target) != (strategy, target)]
    _active.append(Outcome(strategy, target))
    return _active[-1]


@contextmanager
def recording(store: Store, recipe: Recipe) -> Iterator[list[Outcome]]:
    """Keep the run's record true while outcomes come in: running, then completed or failed.

    What an earlier run of the recipe made stays on record until it is made again.
    """
    outcomes = _active
    outcomes[:] = _known(store, recipe)
    started = _now()
    _write(store, recipe, "running", started, outcomes)
    try:
        yield outcomes
    except BaseException as error:
        reason = f"{type(error).__name__}: {error}"
        _write(store, recipe, "failed", started, outcomes, reason)
        raise
    _write(store, recipe, "completed", started, outcomes)


def _write(
    store: Store,
    recipe: Recipe,
    state: str,
    started: str,
    outcomes: list[Outcome],
    error: str | None = None,
) -> None:
    folder(store).mkdir(exist_ok=True)
    record = {
        "run": recipe.run,
        "name": recipe.name,
        "state": state,
        "started": started,
        "ended": None if state == "running" else _now(),
        "error": error,
        "recipe": recipe.model_dump(mode="json"),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    path = folder(store) / f"{recipe.run}.json"
    write_whole(path, json.dumps(record, indent=1) + "\n")
    store.share(path)


def _known(store: Store, recipe: Recipe) -> list[Outcome]:
    found = [r["outcomes"] for r in records(store) if r["run"] == recipe.run]
    return [
        Outcome(
            o["strategy"],
            o["target"],
            [(split, Shard(**fields)) for split, fields in o["shards"]],
            [Shard(**fields) for fields in o["scores"]],
        )
        for outcomes in found
        for o in outcomes
    ]


def records(store: Store) -> list[dict[str, Any]]:
    """All runs, oldest first; a record that cannot be read is told on the log and left out."""
    found = []
    store.gather(folder(store).name)
    for path in folder(store).glob("*.json"):
        try:
            found.append(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            log.warning("record %s cannot be read (%s): left out", path.name, error)
    return sorted(found, key=lambda r: (r["started"], r["run"]))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
