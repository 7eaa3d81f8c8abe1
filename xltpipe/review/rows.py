"""Rows: a run's record, and its judged rows as they lie on the shelf, streaming."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xltpipe import tables
from xltpipe.errors import DataError, RecipeError
from xltpipe.runs import records
from xltpipe.store import Shard, Store
from xltpipe.types import Unit

State = Literal["kept", "rejected", "quarantined"]
JUDGED = "judge"
"""The stage whose artefacts hold a run's rows with their verdicts."""

_ROWS = 1000  # rows of a shard in memory at once

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A judged shard: rows of one language and split."""

    lang: str
    split: str
    shard: Shard


@dataclass(frozen=True, slots=True)
class Row:
    """A judged row."""

    lang: str
    split: str
    unit: Unit
    scores: Mapping[str, float | None]

    @property
    def state(self) -> State:
        return state(self.unit)


def state(unit: Unit) -> State:
    if unit.error is not None:
        return "quarantined"
    return "rejected" if unit.reasons else "kept"


def find(store: Store, wanted: str) -> Record:
    """The record of a run, by its id or by a beginning that no other run shares.

    Raises:
        RecipeError: there is none, or several.
    """
    known = records(store)
    exact = [r for r in known if r["run"] == wanted]
    found = exact or [r for r in known if str(r["run"]).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(r["run"]) for r in found)
        raise RecipeError(f"Run must be named so that it is one, was: {wanted!r}, of {names}")
    newest = ", ".join(str(r["run"]) for r in known[:-6:-1]) or "none yet"
    raise RecipeError(f"Run must be one of the store's, was: {wanted!r} (newest: {newest})")


def parts(record: Record) -> list[Part]:
    """The judged shards of a run, in order, each once though several strategies share it.

    Raises:
        DataError: the run has none.
    """
    found = dict.fromkeys(
        Part(outcome["target"], split, Shard(**fields))
        for outcome in record["outcomes"]
        for split, fields in outcome["shards"]
        if fields["stage"] == JUDGED
    )
    if not found:
        raise DataError(
            f"Run must have judged rows, was: none in {record['run']} ({record['state']}); only "
            "the strategies corpus and translate_train make them"
        )
    return list(found)


def chosen(record: Record, lang: str | None, split: str | None) -> list[Part]:
    """The judged shards of one language or split; None takes all.

    Raises:
        RecipeError: the run has no such language or split.
    """
    found = parts(record)
    for what, wanted, known in (
        ("Language", lang, [p.lang for p in found]),
        ("Split", split, [p.split for p in found]),
    ):
        if wanted is not None and wanted not in known:
            names = ", ".join(dict.fromkeys(known))
            raise RecipeError(f"{what} must be one of the run's, {names}, was: {wanted!r}")
    return [p for p in found if lang in (None, p.lang) and split in (None, p.split)]


def rows(store: Store, given: Sequence[Part], ids: Collection[str] | None = None) -> Iterator[Row]:
    """The rows of these shards, in order, some at a time; only those with one of `ids` if given.

    Raises:
        DataError: a shard cannot be read; while iterating.
    """
    for part in given:
        try:
            with pq.ParquetFile(store.path(part.shard)) as file:
                for batch in file.iter_batches(_ROWS):
                    table = pa.Table.from_batches([batch])
                    yield from _rows(part, table if ids is None else _only(table, ids))
        except (OSError, pa.ArrowException) as error:
            raise DataError(
                f"Shard {part.shard.name} must be a readable Parquet file, was: {error}; run "
                "the recipe again to build it anew"
            ) from error


def _only(table: pa.Table, ids: Collection[str]) -> pa.Table:
    wanted = pa.array(list(ids), pa.string())
    return table.filter(pc.is_in(table.column("id"), value_set=wanted))


def _rows(part: Part, table: pa.Table) -> Iterator[Row]:
    units = tables.table_to_units(table)
    named = "scores" in table.column_names
    scores = table.column("scores").to_pylist() if named else [{}] * len(units)
    for unit, values in zip(units, scores, strict=True):
        yield Row(part.lang, part.split, unit, values or {})
