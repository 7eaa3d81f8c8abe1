"""The record of a run: its recipe, its state, and which shards and scores are its own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

from xltpipe import manifests
from xltpipe.durable import seal, write_whole
from xltpipe.errors import XltError
from xltpipe.machine import writing
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Store
from xltpipe.tools import Trained, signed
from xltpipe.veil import veiled

log = logging.getLogger("xltpipe.store")


@dataclass
class Outcome:
    """What one strategy made for one target language."""

    strategy: str
    target: str
    shards: list[tuple[str, Shard]] = field(default_factory=list)
    scores: list[Shard] = field(default_factory=list)
    further: dict[str, str] = field(default_factory=dict)
    """What the signatures of its scores tell besides: settings, and aligners that were kept."""
    others: list[Shard] = field(default_factory=list)
    """What its model needed besides: rows of other languages, which are counted as theirs."""

    def add(self, split: str, *shards: Shard) -> None:
        self.shards += [(split, shard) for shard in shards]

    def use(self, split: str, aligners: Sequence[Trained]) -> None:
        """Record the aligners of a split; those of `train` are part of what its scores say."""
        self.add(split, *(one.shard for one in aligners if one.shard is not None))
        if split == "train":
            self.further |= signed(aligners)

    @contextmanager
    def part(self, lang: str) -> Iterator[Outcome]:
        """Where one of several languages of a model is recorded: here, if it is the own one.

        Another's rows do not count as this one's: what it took goes to `others`, and what is to be
        told of it is told by its name, once it is all made.
        """
        if lang == self.target:
            yield self
            return
        own = Outcome(self.strategy, lang)
        yield own
        self.others += [*(shard for _, shard in own.shards), *own.others]
        self.further |= {f"{name}_{lang}": told for name, told in own.further.items()}

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
        reason = veiled(f"{type(error).__name__}: {error}")
        try:
            _write(store, recipe, "failed", started, outcomes, reason)
        except XltError as fault:  # a full disk: what stopped the run is what has to be told
            log.warning("record of %s cannot be written: %s", recipe.run, fault)
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
    record = {
        "run": recipe.run,
        "name": recipe.name,
        "state": state,
        "started": started,
        "ended": None if state == "running" else _now(),
        "error": error,
        "recipe": recipe.model_dump(mode="json"),
        "outcomes": [_plain(outcome) for outcome in outcomes],
    }
    path = folder(store) / f"{recipe.run}.json"
    with writing(store.root):
        folder(store).mkdir(exist_ok=True)
        write_whole(path, seal(record))
    store.share(path)


_FIELDS = tuple(field.name for field in fields_of(Shard))


def _plain(outcome: Outcome) -> dict[str, Any]:
    """As `dataclasses.asdict`, which takes ten times as long for a hundred thousand shards."""
    return {
        "strategy": outcome.strategy,
        "target": outcome.target,
        "shards": [(split, _named(shard)) for split, shard in outcome.shards],
        "scores": [_named(shard) for shard in outcome.scores],
        "further": outcome.further,
        "others": [_named(shard) for shard in outcome.others],
    }


def _named(shard: Shard) -> dict[str, Any]:
    return {name: getattr(shard, name) for name in _FIELDS}


def _known(store: Store, recipe: Recipe) -> list[Outcome]:
    store.gather(folder(store).name)
    path = folder(store) / f"{recipe.run}.json"  # not those of all runs: they are long
    found = [r["outcomes"] for r in _read([path] if path.exists() else [])]
    return [
        Outcome(
            o["strategy"],
            o["target"],
            [(split, Shard(**fields)) for split, fields in o["shards"]],
            [Shard(**fields) for fields in o["scores"]],
            dict(o.get("further", {})),
            [Shard(**fields) for fields in o.get("others", [])],
        )
        for outcomes in found
        for o in outcomes
    ]


_BEHIND = {
    "translate": "keep",
    "align": "align",
    "project": "align",
    "score": "align",
    "switch": "align",
    "duplicates": "marks",
    "choose": "duplicates",
    "judge": "choose",
    "materialise": "keep",
}
"""By a stage: the stage that is found as its input alone, since it is not always on record."""


def behind(store: Store, manifest: Mapping[str, Any]) -> list[Shard]:
    """What an artefact was made of that no run has on record."""
    stage = _BEHIND.get(manifest["stage"])
    known = [] if stage is None else [Shard(stage, key) for key in manifest.get("inputs", [])]
    return [shard for shard in known if store.manifest(shard) is not None]


def record(store: Store, run: str) -> dict[str, Any] | None:
    """The record of one run; None where there is none that can be read."""
    path = folder(store) / f"{run}.json"
    return next(_read([path] if path.exists() else []), None)


def records(store: Store) -> list[dict[str, Any]]:
    """All runs, oldest first; a record that cannot be read is told on the log and left out."""
    store.gather(folder(store).name)
    found = _read(folder(store).glob("*.json"))
    return sorted(found, key=lambda r: (r["started"], r["run"]))


def _read(paths: Iterable[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            record = manifests.record(path.read_bytes())
        except OSError as error:
            log.warning("record %s cannot be read (%s): left out", path.name, error)
            continue
        if record is None:
            log.warning(
                "record %s cannot be read as it was written: left out; the next run of its recipe "
                "writes it anew",
                path.name,
            )
            continue
        yield record


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
