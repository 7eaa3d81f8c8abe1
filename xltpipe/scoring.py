"""The steps score, duplicates, choose and judge: what decides each result, and how to build it.

Scores are stored before anything is decided: other thresholds cost a new `judge` and nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xltpipe import progress
from xltpipe.durable import digest_json, write_table
from xltpipe.quality import REASONS, SCORERS
from xltpipe.quality.column import Floats
from xltpipe.quality.duplicates import COLUMNS as COPIES
from xltpipe.quality.duplicates import Duplicates, group
from xltpipe.quality.duplicates import marks as marked
from xltpipe.quality.duplicates_choice import STANDING, conflicts
from xltpipe.quality.duplicates_choice import choose as choose_of
from xltpipe.quality.scorer import Scorer
from xltpipe.quality.stage import JUDGE, SCORE
from xltpipe.quality.stage import judge as judged
from xltpipe.quality.stage import score as scored
from xltpipe.recipe import Recipe
from xltpipe.settled import once
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.tools import RunTools, Trained
from xltpipe.translation.caching import with_cache

PART = "part-00000.parquet"
MARKS = 1
DUPLICATES = 3
CHOOSE = 3
SHARES = "shares.json"
"""Beside the choice: a digest of what it says of each shard, so that judging depends on no more."""


def score(
    recipe: Recipe, store: Store, shard: Shard, trained: Sequence[Trained], pair: tuple[str, str]
) -> Step:
    """Every score of one shard's units, by columns; thresholds have no part in it."""

    def wanted() -> list[Trained]:
        return [t for t in trained if t.named in recipe.quality.aligners()]

    def settings() -> dict[str, object]:
        return {
            "columns": [column.name for scorer in SCORERS for column in scorer.columns],
            "quality": recipe.quality.scoring_identity(),
            "aligners": [t.spec.identity() for t in used],
            "source": pair[0],
            "target": pair[1],
            "on_error": recipe.on_error,
        }

    def build(home: Path) -> Counts:
        units = store.read(shard)
        tools = RunTools.of(recipe, store, used, pair)
        built = _built(with_cache(recipe, store.root), tools)
        found = scored(units, built, recipe.on_error)
        write_table(found.table(units.column("id")), home / PART)
        met = [getattr(scorer, "counts", {}) for scorer in built]
        return {
            "rows": units.num_rows,
            "quarantined": sum(error is not None for error in found.errors),
            "batches_split": found.split,
            **{name: number for counts in met for name, number in counts.items()},
            # what the scorers' aligners met; the projector's own are counted where it projects
            **{f"scorers_{name}": number for name, number in tools.counts.items()},
        }

    used = once(wanted, "scorers' aligners", recipe, trained)
    identity = once(settings, "score", recipe, trained, *pair)
    inputs = (shard.id, *(t.shard.id for t in used if t.shard))
    return Step("score", SCORE, identity, inputs, build, shard.rows)


def scorers(
    recipe: Recipe, store: Store, trained: Sequence[Trained], pair: tuple[str, str]
) -> tuple[Scorer, ...]:
    """All scorers of a recipe, built."""
    return _built(recipe, RunTools.of(recipe, store, trained, pair))


def _built(recipe: Recipe, tools: RunTools) -> tuple[Scorer, ...]:
    asked = recipe.quality.build(tools)
    given = {column.name for scorer in asked for column in scorer.columns}
    always = [s for s in SCORERS if not given & {column.name for column in s.columns}]
    return (*always, *asked)


def marks(recipe: Recipe, store: Store, shard: Shard) -> Step:
    """What the search for duplicates needs to know of the rows of one shard."""
    settings = recipe.quality.duplicates or Duplicates()

    def build(home: Path) -> Counts:
        table = marked(store.read(shard), settings)
        write_table(table, home / PART)
        return {"rows": table.num_rows}

    identity = {"duplicates": settings.identity()}
    return Step("marks", MARKS, identity, (shard.id,), build, shard.rows)


def duplicates(recipe: Recipe, store: Store, shards: Sequence[Shard]) -> Step:
    """The groups of equal and nearly equal rows of one split, by their marks."""
    settings = recipe.quality.duplicates or Duplicates()

    def build(home: Path) -> Counts:
        scratch = home / "scratch"
        scratch.mkdir()
        groups = group(_numbered(store, shards), settings, scratch)
        shutil.rmtree(scratch)
        write_table(groups, home / PART)
        return {"rows": groups.num_rows, "rows_in": sum(s.rows for s in shards)}

    inputs = tuple(s.id for s in shards)
    rows = sum(s.rows for s in shards)
    return Step("duplicates", DUPLICATES, {"duplicates": settings.identity()}, inputs, build, rows)


def _numbered(store: Store, shards: Sequence[Shard]) -> Iterator[tuple[int, pa.Table]]:
    for number, shard in enumerate(shards):
        yield number, store.read(shard)
        progress.tick("duplicates", shard.rows)


def choose(recipe: Recipe, store: Store, groups: Shard, scores: Sequence[Shard]) -> Step:
    """Which row of each group stays: the best of those that pass all other rules."""
    identity = _deciding(recipe)

    def build(home: Path) -> Counts:
        members = store.read(groups)
        wanted = set(pc.unique(members.column("shard")).to_pylist())
        standing = [
            _standing(recipe, number, store.read(shard), members)
            for number, shard in enumerate(scores)
            if number in wanted
        ]
        chosen = choose_of(members, standing, recipe.quality.duplicates or Duplicates())
        write_table(chosen, home / PART)
        shares = [_digest(_share(chosen, number)) for number in range(len(scores))]
        (home / SHARES).write_text(json.dumps(shares, indent=0) + "\n", encoding="utf-8")
        return {"rows": chosen.num_rows, "label_conflicts": _sum(chosen.column("label_conflict"))}

    return Step("choose", CHOOSE, identity, (groups.id, *(s.id for s in scores)), build, 0)


def _standing(recipe: Recipe, shard: int, scores: pa.Table, members: pa.Table) -> pa.Table:
    """What the rows of one shard that have company are compared by."""
    here = members.filter(pc.equal(members.column("shard"), shard))
    rows = pc.unique(here.column("row")).sort()
    own = scores.take(rows)
    columns = recipe.quality.derived(columns_of(own)) | {"label_conflict": conflicts(here, rows)}
    passes = pc.is_null(own.column("error")).to_numpy(zero_copy_only=False)
    for fails in recipe.verdicts.failures(columns).values():
        passes = passes & ~fails
    unknown = np.full(len(rows), np.nan)
    return pa.Table.from_arrays(
        [
            pa.array(np.full(len(rows), shard), pa.int32()),
            rows.cast(pa.int32()),
            pa.array(passes),
            pa.array(columns.get("spans_placed", unknown), from_pandas=True),
            pa.array(columns.get("log_probability", unknown), from_pandas=True),
            pa.array(columns.get("target_words", unknown), from_pandas=True),
        ],
        schema=STANDING,
    )


def _share(choices: pa.Table, shard: int) -> pa.Table:
    """What a choice says of the rows of one shard, wherever that stands in its split."""
    start, end = np.searchsorted(choices.column("shard").to_numpy(), [shard, shard + 1])
    own = choices.slice(start, end - start)
    return own.select(["row", *(column.name for column in COPIES)])


def _digest(share: pa.Table) -> str:
    return digest_json(share.to_pydict())


def share(store: Store, choice: Shard, number: int) -> str:
    """By what judging a shard depends on the choice; of a choice not made yet, by all of it."""
    file = store.folder(choice) / SHARES
    if not file.is_file():
        return choice.id
    return _shares(file)[number]


@lru_cache(maxsize=8)
def _shares(file: Path) -> tuple[str, ...]:
    return tuple(json.loads(file.read_text(encoding="utf-8")))


def _copies(own: pa.Table, rows: int) -> dict[str, Floats]:
    """The columns of one shard's rows; a row without company is no duplicate."""
    out = {}
    for name in (column.name for column in COPIES):
        out[name] = np.zeros(rows)
        out[name][own.column("row").to_numpy()] = own.column(name).to_numpy()
    return out


def _deciding(recipe: Recipe) -> dict[str, object]:
    """What decides on a row whose scores are known."""
    return {
        "rules": once(recipe.verdicts.identity, "rules", recipe),
        "combined": once(recipe.quality.combining_identity, "combined", recipe),
    }


def judge(
    recipe: Recipe,
    store: Store,
    shard: Shard,
    scores: Shard,
    choice: Shard | None = None,
    number: int = 0,
) -> Step:
    """Say of each of one shard's units whether it is kept, and if not, all reasons why.

    `number` is the shard's place in its split, by which `choice` knows it.
    """

    def build(home: Path) -> Counts:
        units, found = store.read(shard), store.read(scores)
        columns = recipe.quality.derived(columns_of(found))
        if choice is not None:
            columns |= _copies(_share(store.read(choice), number), units.num_rows)
        table = judged(units, columns, recipe.verdicts, REASONS, found.column("error"))
        write_table(table, home / PART)
        kept = pc.and_(pc.is_null(table.column("reason")), pc.is_null(table.column("error")))
        conflict = columns.get("label_conflict", np.zeros(0))
        return {
            "rows": table.num_rows,
            "kept": _sum(kept),
            "rejected": table.num_rows - table.column("reason").null_count,
            "quarantined": table.num_rows - table.column("error").null_count,
            "label_conflicts": int(conflict.sum()),
        }

    inputs = (shard.id, scores.id, *((share(store, choice, number),) if choice else ()))
    return Step("judge", JUDGE, _deciding(recipe), inputs, build, shard.rows)


def columns_of(scores: pa.Table) -> dict[str, Floats]:
    """The columns of a score artefact; NaN where a score has no meaning."""
    struct = scores.column("scores").combine_chunks()
    names = [field.name for field in struct.type]
    return {
        name: pc.fill_null(struct.field(name), np.nan).to_numpy(zero_copy_only=False)
        for name in names
    }


def _sum(values: pa.ChunkedArray) -> int:
    return int(pc.sum(values).as_py() or 0)
