"""The catalogue: a DuckDB file over the store, that any DuckDB opens and asks in SQL.

`runs`, `shards` and `results` are tables (`manifests` and `files` make other things quick);
`units`, `kept`, `rejected`, `quarantined`, `spans`, `translations` and `scores` are views over the
judged Parquet files, `comparison` and `comparison_summary` over the cells of comparisons,
`transfer_matrix` and `forgetting` over results of languages learnt one after another. The views
find the store where it lay when the catalogue was made; a moved store is told by
`SET VARIABLE xltpipe_root = '…'`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from xltpipe import shelved, tables
from xltpipe.compared import comparison, views
from xltpipe.durable import write_table
from xltpipe.errors import DataError, TransientError
from xltpipe.evaluating import result
from xltpipe.machine import is_of_disk, lack, told, unwritable, writing
from xltpipe.quality import COLUMNS
from xltpipe.questions import ask, quoted, restrict
from xltpipe.runs import folder, records
from xltpipe.shelved import table
from xltpipe.store import Shard, Store

log = logging.getLogger("xltpipe.store")

FILE = "xltpipe.duckdb"

_RUNS = pa.schema(
    [
        (name, pa.string())
        for name in ("run", "name", "state", "started", "ended", "error", "recipe")
    ]
)
_RESULTS = pa.schema(
    [
        *((name, pa.string()) for name in ("run", "strategy", "lang", "test", "metric")),
        ("value", pa.float64()),
        ("signature", pa.string()),
        ("details", pa.map_(pa.string(), pa.float64())),
        ("key", pa.string()),
    ]
)

_UNITS = """
CREATE VIEW units AS
SELECT s.run, s.lang, s.split, u.* EXCLUDE (reason, reasons, error, scores, filename),
       list_extract(u.source.texts, 1) AS source_text,
       list_extract(u.target.texts, 1) AS target_text,
       coalesce(list_bool_or(list_transform(u.received, lambda t: t.truncated)), false)
           AS truncated,
       u.reason, u.reasons, u.error, u.scores
FROM ({judged}) AS u
-- strategies of one run share shards: a row counts once
JOIN (SELECT DISTINCT run, lang, split, key FROM shards WHERE stage = 'judge') AS s
  ON s.key = regexp_extract(u.filename, '/([0-9a-f]{{64}})/', 1)
"""

_VIEWS = """
CREATE VIEW kept AS SELECT * FROM units WHERE reason IS NULL AND error IS NULL;
CREATE VIEW rejected AS SELECT * FROM units WHERE reason IS NOT NULL;
CREATE VIEW quarantined AS SELECT * FROM units WHERE error IS NOT NULL;
CREATE VIEW scores AS SELECT run, lang, split, id, reason, unnest(scores) FROM units;
CREATE VIEW translations AS
SELECT run, lang, split, id, n - 1 AS text, list_extract(sent, n) AS sent, t.text AS received,
       t.score, t.tokens_in, t.tokens_out, t.truncated, t.fault, t.engine,
       coalesce(t.passed_over, []) AS passed_over, t.via
FROM (SELECT run, lang, split, id, sent, unnest(received) AS t,
             generate_subscripts(received, 1) AS n, source.verbatim AS verbatim FROM units)
-- what stays as it is was sent to nobody
WHERE NOT list_contains(coalesce(verbatim, []), n - 1);
CREATE VIEW spans AS
SELECT run, lang, split, id, s.label,
       substr(list_extract(source.texts, s.text + 1), s.start + 1, s."end" - s.start)
           AS source_span,
       substr(list_extract(target.texts, t.text + 1), t.start + 1, t."end" - t.start)
           AS target_span,
       p.method, p.score, p.margin, p.rank, p.reason
FROM (
    SELECT *, list_extract(source.spans, p.source + 1) AS s,
           list_extract(target.spans, p.target + 1) AS t
    FROM (SELECT run, lang, split, id, source, target, unnest(placements) AS p FROM units)
);
"""


@contextmanager
def refreshing(store: Store) -> Iterator[None]:
    """Write the catalogue when the work is over, also where it failed: that is looked into, too."""
    try:
        yield
    except BaseException:
        try:
            refresh(store)
        except Exception as error:  # noqa: BLE001 - what stopped the work is what has to be told
            log.warning("catalogue could not be written: %s", error)
        raise
    refresh(store)


def refresh(store: Store) -> Path:
    """Write the catalogue anew from the run records and manifests, and move it in place.

    Raises:
        DataError: the disk is full, or cannot be written.
        TransientError: the machine lacks something else, such as memory.
    """
    aside = store.aside(FILE)
    try:
        with writing(store.root):
            return _refresh(store, aside)
    except duckdb.Error as error:
        what = lack(error)
        if what is None:
            raise
        if is_of_disk(what):
            raise unwritable(store.root, error) from error
        raise TransientError(told(error, what)) from error
    finally:
        for left in (aside, aside.with_name(f"{aside.name}.wal")):
            left.unlink(missing_ok=True)


def _refresh(store: Store, aside: Path) -> Path:
    aside.unlink(missing_ok=True)
    known = records(store)
    compared = list(comparison.records(store))
    base = {
        "runs": table(_RUNS, (_run(record) for record in known)),
        "results": table(_RESULTS, (row for record in known for row in _results(store, record))),
        "comparison_cells": table(views.CELLS, views.cells(compared)),
        "comparison_rows": table(views.ROWS, views.rows(compared)),
    }
    with duckdb.connect(str(aside)) as connection:
        for name, rows in base.items():
            connection.register("incoming", rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")  # noqa: S608
            connection.unregister("incoming")
        shapes = shelved.write(connection, store, known, store.root / FILE)
        _write_empty(store)
        connection.execute(_LISTS.format(root=_root(store)))
        connection.execute(_SET_LISTS)
        connection.execute(_UNITS.format(judged=_judged(store, connection, shapes)))
        connection.execute(_VIEWS)
        connection.execute(views.VIEWS)
    aside.replace(store.root / FILE)
    return store.root / FILE


FEW = 300
"""So many judged files are named in the view itself; more would make each question wait."""

_LISTS = """
CREATE VIEW file_lists AS
SELECT map_from_entries(list((shape, paths))) AS lists
FROM (SELECT shape, list({root} || path ORDER BY path) AS paths FROM files GROUP BY shape)
"""
_SET_LISTS = "SET VARIABLE xltpipe_files = (SELECT lists FROM file_lists)"


def _judged(store: Store, connection: duckdb.DuckDBPyConnection, shapes: Sequence[str]) -> str:
    """SQL for the rows of the judged files of all runs, with `filename`.

    Files of one shape need not be opened before they are read, as `union_by_name` does: that would
    take longer than most questions. The empty file knows all columns of today; a store of older
    files alone lacks some.
    """
    root = _root(store)
    empty = f"{root} || {quoted(_EMPTY)}"
    paths = connection.execute("SELECT path FROM files ORDER BY path").fetchall()
    if len(paths) <= FEW:
        every = ", ".join([*(f"{root} || {quoted(path)}" for (path,) in paths), empty])
        return f"SELECT *, filename FROM read_parquet([{every}], union_by_name = true)"  # noqa: S608
    lists = [
        f"coalesce(getvariable('xltpipe_files')[{quoted(shape)}], error({quoted(_UNSET)}))"
        for shape in shapes
    ]
    return " UNION ALL BY NAME ".join(
        f"SELECT *, filename FROM read_parquet({listed})"  # noqa: S608
        for listed in (*lists, empty)
    )


_UNSET = f"Views over more than {FEW} files must be given their list first: {_SET_LISTS}"


def _root(store: Store) -> str:
    return f"coalesce(getvariable('xltpipe_root'), {quoted(str(store.root))})"


def _write_empty(store: Store) -> None:
    empty = tables.scored(list(COLUMNS)).empty_table()
    (store.root / "empty").mkdir(exist_ok=True)
    aside = store.aside("judge.parquet")
    write_table(empty, aside)
    aside.replace(store.root / "empty" / "judge.parquet")


_EMPTY = "/empty/judge.parquet"


def _run(record: dict[str, Any]) -> tuple[object, ...]:
    return (
        *(record[k] for k in ("run", "name", "state", "started", "ended", "error")),
        json.dumps(record["recipe"]),
    )


def _results(store: Store, record: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    for outcome in record["outcomes"]:
        for fields in outcome["scores"]:
            shard = Shard(**fields)
            manifest = store.manifest(shard)
            if manifest is None:
                continue
            try:
                score = result(store, shard)
            except DataError as error:  # one damaged file must not take every question down
                log.warning("%s: left out", error)
                continue
            yield (
                record["run"],
                outcome["strategy"],
                outcome["target"],
                str(manifest["identity"].get("test", "")),
                score.name,
                score.value,
                score.signature,
                list(score.details.items()),
                shard.key,
            )


_HAS_LISTS = "SELECT 1 FROM duckdb_views() WHERE view_name = 'file_lists'"


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection that can only read, and of files only those behind the views.

    Raises:
        DataError: there is no catalogue yet, or it is damaged.
    """
    path = store.root / FILE
    if store.shared and _outdated(store):
        refresh(store)
    if not path.exists():
        raise DataError(f"Catalogue must exist, was: none at {path}; run a recipe first")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise DataError(
            f"Catalogue must be a file that DuckDB can read, was: {path} ({error}); the next run "
            "of any recipe in this store writes it anew"
        ) from error
    connection.execute(f"SET VARIABLE xltpipe_root = {quoted(str(store.root))}")
    if connection.execute(_HAS_LISTS).fetchone() is not None:  # an older catalogue has none
        connection.execute(_SET_LISTS)
    folders = [store.root / "judge", store.root / "empty"]
    return restrict(connection, folders, store.aside("duckdb"))


def _outdated(store: Store) -> bool:
    """Runs of other machines came in since the catalogue was written here, or it never was."""
    store.gather(folder(store).name)
    records = folder(store).glob("*.json")
    newest = max((record.stat().st_mtime_ns for record in records), default=0)
    path = store.root / FILE
    return newest > (path.stat().st_mtime_ns if path.exists() else 0)


def query(store: Store, sql: str, seconds: float | None = None) -> pa.Table:
    """The answer to one SQL question; see `questions.ask`.

    Raises:
        DataError: no catalogue. RecipeError: the question is wrong, or its answer too much.
    """
    with connect(store) as connection:
        return ask(connection, sql, seconds)
