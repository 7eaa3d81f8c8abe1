"""Origins: on which rows a trained aligner was trained, and one of an earlier revision to keep.

Rows are known by the shards that hold them, and these by their content: data that were appended to
have nearly all shards of what they were. An aligner that saw most of a run's rows serves it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from xltpipe.errors import DataError
from xltpipe.store import Counts, Shard, Step, Store

FILE = "origin.json"
"""Beside the model: the key of its training, and the rows of each shard it was trained on."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The training of an aligner: its key, its rows by shard; `shard` is where a copy lies."""

    key: str
    units: Mapping[str, int]
    shard: Shard

    @property
    def rows(self) -> int:
        return sum(self.units.values())

    def shared(self, units: Sequence[Shard]) -> int:
        """How many rows of these shards it was trained on."""
        return sum(shard.rows for shard in units if shard.id in self.units)


def own(step: Step, units: Sequence[Shard]) -> Origin:
    """That of an aligner which is trained now."""
    return Origin(step.key, {shard.id: shard.rows for shard in units}, step.shard)


def find(store: Store, step: Step, units: Sequence[Shard], share: float) -> Origin | None:
    """The whole artefact whose training saw most of these rows; None if none saw `share` of them.

    A share of 1 asks for these very rows and no others: then it is the same training. It must be of
    the same aligner, with the same settings, between the same languages; that its rows were
    translated in the same way follows from the keys of the shards.
    """
    rows = sum(shard.rows for shard in units)
    alike = [
        found
        for found in _known(store, step)
        if found.shared(units) >= share * rows and (share < 1 or found.rows == rows)
    ]
    # a copy of this very training first: what was damaged comes back as it was; of equals the
    # one with the least key: every process must choose the same
    ordered = sorted(alike, key=lambda o: (o.key != step.key, -o.shared(units), o.key, o.shard.key))
    return next((o for o in ordered if _whole(store, step, o)), None)


def _known(store: Store, step: Step) -> Iterator[Origin]:
    for shard in store.listed(step.stage):
        manifest = store.manifest(shard) or {}
        same = {**manifest.get("identity", {}), "reuse": None} == {**step.identity, "reuse": None}
        if same and manifest.get("version") == step.version and shard.key != step.key:
            try:
                yield read(store, Shard(step.stage, shard.key, int(manifest["rows"]), step.part))
            except DataError:  # damaged: not one to keep
                continue


def _whole(store: Store, step: Step, origin: Origin) -> bool:
    """Whether the artefact of a step like this one, of other rows, is there to its last byte."""
    manifest = store.manifest(origin.shard) or {}
    again = replace(step, identity=manifest["identity"], inputs=tuple(manifest["inputs"]))
    return again.key == origin.shard.key and store.find(again) is not None


def read(store: Store, shard: Shard) -> Origin:
    """The origin of an artefact.

    Raises:
        DataError: it tells none.
    """
    file = store.folder(shard) / FILE
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return Origin(str(said["key"]), {str(k): int(v) for k, v in said["units"].items()}, shard)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"Aligner {shard.name} must tell its origin in {FILE}, was: {error}; remove its folder "
            f"and run again ({store.folder(shard)})"
        ) from error


def write(origin: Origin, units: Sequence[Shard], home: Path) -> Counts:
    """Leave the origin beside the model; the counts of the artefact."""
    said = {"key": origin.key, "units": dict(sorted(origin.units.items()))}
    (home / FILE).write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return {
        "rows": sum(shard.rows for shard in units),
        "rows_trained_on": origin.rows,
        "rows_not_trained_on": sum(shard.rows for shard in units) - origin.shared(units),
    }
