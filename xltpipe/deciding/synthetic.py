"""Synthetic faults: the run's own kept rows, spoilt in each way, and all of them scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xltpipe import runs, scoring, tables, tools
from xltpipe.deciding.learning import CLEAN, Rows
from xltpipe.errors import DataError
from xltpipe.progress import note
from xltpipe.quality.column import Floats
from xltpipe.quality.corruption import KINDS, corrupt
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.stage import score
from xltpipe.recipe import Recipe
from xltpipe.store import Shard, Store
from xltpipe.tools import Trained
from xltpipe.types import Unit

if TYPE_CHECKING:
    import duckdb

SILENT = {"unlabelled_span"}
"""Faults that no score of a row by itself can see: learning from them teaches nothing."""

ROWS = 2000
"""Kept rows that are taken, over all languages."""


def kept(connection: duckdb.DuckDBPyConnection, run: str, lang: str, rows: int) -> list[Unit]:
    """At most so many rows that the run kept, by a hash of their ids: always the same ones."""
    names = ", ".join(tables.UNITS.names)
    connection.execute("SELECT 1").fetchall()  # whatever was asked before is done with
    found = connection.sql(
        f"SELECT {names} FROM kept WHERE run = $1 AND lang = $2 "  # noqa: S608 - our schema
        "ORDER BY hash(id), id LIMIT $3",
        params=[run, lang, rows],
    ).to_arrow_table()
    columns = [found.column(f.name).cast(f.type) for f in tables.UNITS]
    return tables.table_to_units(pa.Table.from_arrays(columns, schema=tables.UNITS))


def rows(units: Sequence[Unit], scorers: Sequence[Scorer], seed: int, mark: str = "") -> Rows:
    """These units, clean and with each kind of fault, and the scores of all.

    `mark` goes before their ids, which part them when learning.
    """
    kinds, ids, every = [CLEAN] * len(units), [u.source.id for u in units], list(units)
    for kind in KINDS:
        if kind in SILENT:
            continue
        for made in corrupt(units, kind, seed):
            if made is not None:
                kinds.append(kind)
                ids.append(made.unit.source.id)
                every.append(made.unit)
    done = score(tables.units_to_table(every), scorers)
    return Rows(done.columns, [f"{mark}{i}" for i in ids], kinds)


def spoilt(
    connection: duckdb.DuckDBPyConnection, store: Store, run: str, recipe: Recipe, seed: int
) -> Rows:
    """Kept rows of all languages of a run with their faults, scored as the run scores.

    A language model as judge is not asked: it would be asked about ten times as many rows.

    Raises:
        DataError: the run kept no row.
    """
    share = max(1, ROWS // len(recipe.targets))
    if recipe.quality.llm is not None:
        note("the score of the language model (quality.llm) is left out of the combination")
        recipe = recipe.model_copy(
            update={"quality": recipe.quality.model_copy(update={"llm": None})}
        )
    every: list[Rows] = []
    for lang in recipe.targets:
        units = kept(connection, run, lang, share)
        if units:
            pair = (recipe.source, lang)
            built = scoring.scorers(recipe, store, trained(store, run, recipe, lang), pair)
            every.append(rows(units, built, seed, f"{lang}:"))
    if not every:
        raise DataError(f"Run must have kept rows to learn from, was: none in {run}")
    return joined(every)


def joined(every: Sequence[Rows]) -> Rows:
    """Rows one after the other; a score that some of them lack is missing there."""
    names = dict.fromkeys(name for part in every for name in part.scores)
    column: Callable[[Rows, str], Floats] = lambda part, name: np.asarray(  # noqa: E731
        part.scores.get(name, np.full(len(part.ids), np.nan)), np.float64
    )
    return Rows(
        {name: np.concatenate([column(part, name) for part in every]) for name in names},
        [i for part in every for i in part.ids],
        [k for part in every for k in part.kinds],
    )


def trained(store: Store, run: str, recipe: Recipe, lang: str) -> list[Trained]:
    """The aligners that the run trained for one language.

    Raises:
        DataError: an artefact is not on the shelf any more.
    """
    record = next(r for r in runs.records(store) if r["run"] == run)
    shards = [
        Shard(**fields)
        for outcome in record["outcomes"]
        if outcome["target"] == lang and outcome["strategy"] != "translate_test"
        for split, fields in outcome["shards"]
        if split == "train" and fields["stage"] == "translate"
    ]
    units = list(dict.fromkeys(shards))
    out = []
    for one in tools.aligners(recipe, sum(s.rows for s in units), lang, scored=True):
        if not one.spec.trained:
            out.append(one)
            continue
        step = tools.align(store, one.spec, units, (recipe.source, lang), recipe.reuse_aligner)
        shard = store.find(step)
        if shard is None:
            raise DataError(
                f"Aligner {one.spec.kind} of run {run} must be in the store, was: none; "
                "run the recipe again"
            )
        out.append(tools.aligned(one, store, shard))
    return out
