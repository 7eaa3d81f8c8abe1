"""The catalogue: a DuckDB file over the store, that any DuckDB opens and asks in SQL.

`runs`, `shards` and `results` are tables; `units`, `kept`, `rejected`, `quarantined`, `spans`,
`translations` and `scores` are views over the judged Parquet files. The views find the store where
it lay when the catalogue was made; a moved store is told by `SET VARIABLE xltpipe_root = '…'`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from xltpipe import tables
from xltpipe.durable import write_table
from xltpipe.errors import DataError, RecipeError
from xltpipe.learning import result
from xltpipe.quality import COLUMNS
from xltpipe.runs import folder, records
from xltpipe.store import Shard, Store, log

FILE = "xltpipe.duckdb"

_RUNS = pa.schema(
    [
        (name, pa.string())
        for name in ("run", "name", "state", "started", "ended", "error", "recipe")
    ]
)
_SHARDS = pa.schema(
    [
        *((name, pa.string()) for name in ("run", "strategy", "lang", "split", "stage", "key")),
        ("part", pa.string()),
        ("rows", pa.int64()),
        ("bytes", pa.int64()),
        ("seconds", pa.float64()),
        ("made", pa.string()),
        ("counts", pa.string()),
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
SELECT s.run, s.lang, s.split, u.* EXCLUDE (reason, reasons, error, scores),
       list_extract(u.source.texts, 1) AS source_text,
       list_extract(u.target.texts, 1) AS target_text,
       coalesce(list_bool_or(list_transform(u.received, lambda t: t.truncated)), false)
           AS truncated,
       u.reason, u.reasons, u.error, u.scores
FROM read_parquet({paths}, union_by_name = true) AS u
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
             generate_subscripts(received, 1) AS n FROM units);
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


def refresh(store: Store) -> Path:
    """Write the catalogue anew from the run records and manifests, and move it in place."""
    aside = store.aside(FILE)
    aside.unlink(missing_ok=True)
    known = records(store)
    base = {
        "runs": _table(_RUNS, (_run(record) for record in known)),
        "shards": _table(_SHARDS, (row for record in known for row in _shards(store, record))),
        "results": _table(_RESULTS, (row for record in known for row in _results(store, record))),
    }
    with duckdb.connect(str(aside)) as connection:
        for name, rows in base.items():
            connection.register("incoming", rows)
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM incoming")  # noqa: S608
            connection.unregister("incoming")
        connection.execute(_UNITS.format(paths=_judged(store, base["shards"])))
        connection.execute(_VIEWS)
    aside.replace(store.root / FILE)
    return store.root / FILE


def _judged(store: Store, shards: pa.Table) -> str:
    """SQL for the judged files of all runs, each below the root; an empty file if there are none.

    A file that is not of its manifest's size is left out: one damaged file must not take every
    question down. The next run of its recipe builds it again.
    """
    root = f"coalesce(getvariable('xltpipe_root'), '{_quoted(str(store.root))}')"
    judged = [row for row in shards.to_pylist() if row["stage"] == "judge"]
    store.prefetch(Shard("judge", row["key"], part=row["part"]) for row in judged)
    found = {(row["key"], row["part"]) for row in judged if _sound(store, row["key"], row["part"])}
    # the empty file knows all columns of today: a store of older files alone lacks some
    empty = tables.scored(list(COLUMNS)).empty_table()
    (store.root / "empty").mkdir(exist_ok=True)
    aside = store.aside("judge.parquet")
    write_table(empty, aside)
    aside.replace(store.root / "empty" / "judge.parquet")
    files = [f"{root} || '/judge/{key[:2]}/{key}/{part}'" for key, part in sorted(found)]
    return f"[{', '.join([*files, f'{root} || {_EMPTY!r}'])}]"


_EMPTY = "/empty/judge.parquet"


def _sound(store: Store, key: str, part: str) -> bool:
    shard = Shard("judge", key, part=part)
    files = (store.manifest(shard) or {}).get("files", [])
    try:
        path = store.path(shard)
    except DataError as error:
        log.warning("%s", error)
        return False
    sizes = {f["name"]: f["bytes"] for f in files}
    return path.is_file() and path.stat().st_size == sizes.get(part)


def _quoted(text: str) -> str:
    return text.replace("'", "''")


def _table(schema: pa.Schema, rows: Iterator[tuple[object, ...]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _run(record: dict[str, Any]) -> tuple[object, ...]:
    return (
        *(record[k] for k in ("run", "name", "state", "started", "ended", "error")),
        json.dumps(record["recipe"]),
    )


def _shards(store: Store, record: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    seen: set[tuple[object, ...]] = set()
    for outcome in record["outcomes"]:
        for split, fields in outcome["shards"]:
            shard = Shard(**fields)
            here = (outcome["strategy"], outcome["target"], split, shard.key, shard.part)
            manifest = store.manifest(shard)
            if manifest is None or here in seen:
                continue
            seen.add(here)
            size = sum(f["bytes"] for f in manifest["files"])
            yield (
                record["run"],
                *here[:3],
                shard.stage,
                shard.key,
                shard.part,
                shard.rows,
                size,
                manifest["seconds"],
                manifest["made"],
                json.dumps(manifest["counts"]),
            )


def _results(store: Store, record: dict[str, Any]) -> Iterator[tuple[object, ...]]:
    for outcome in record["outcomes"]:
        for fields in outcome["scores"]:
            shard = Shard(**fields)
            manifest = store.manifest(shard)
            if manifest is None:
                continue
            score = result(store, shard)
            identity = manifest["identity"]
            yield (
                record["run"],
                outcome["strategy"],
                outcome["target"],
                identity["test"],
                score.name,
                score.value,
                score.signature,
                list(score.details.items()),
                shard.key,
            )


def connect(store: Store) -> duckdb.DuckDBPyConnection:
    """A connection that can only read, and only below the store's root.

    Raises:
        DataError: there is no catalogue yet.
    """
    path = store.root / FILE
    if store.shared and _outdated(store):
        refresh(store)
    if not path.exists():
        raise DataError(f"Catalogue must exist, was: none at {path}; run a recipe first")
    connection = duckdb.connect(str(path), read_only=True)
    root = _quoted(str(store.root))
    connection.execute(f"SET VARIABLE xltpipe_root = '{_quoted(str(store.root))}'")
    connection.execute(f"SET allowed_directories = ['{root}']")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _outdated(store: Store) -> bool:
    """Runs of other machines came in since the catalogue was written here, or it never was."""
    newest = max((p.stat().st_mtime_ns for p in _recorded(store)), default=0)
    path = store.root / FILE
    return newest > (path.stat().st_mtime_ns if path.exists() else 0)


def _recorded(store: Store) -> list[Path]:
    store.gather(folder(store).name)
    return list(folder(store).glob("*.json"))


def query(store: Store, sql: str) -> pa.Table:
    """The answer to one SQL question.

    Only SELECT (and what DuckDB takes for one: FROM, SHOW, DESCRIBE, …): a COPY could write over
    artefacts, which lie where the connection may read.

    Raises:
        DataError: no catalogue. RecipeError: the question is wrong; DuckDB's words say how.
    """
    with connect(store) as connection:
        try:
            kinds = [statement.type for statement in connection.extract_statements(sql)]
            if kinds != [duckdb.StatementType.SELECT]:
                was = ", ".join(kind.name for kind in kinds) or "none"
                raise RecipeError(f"Query must be one SELECT, was: {was}")
            return connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise RecipeError(f"Query must be answerable, was: {error}") from error
