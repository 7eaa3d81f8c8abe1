"""Suggestion: a combination learnt from a run, by rows that a person labelled or by made faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from xltpipe.deciding import labelled as labelled_rows
from xltpipe.deciding import sql
from xltpipe.deciding.learning import CLEAN, Learnt, Rows, learn
from xltpipe.errors import DataError, RecipeError, require
from xltpipe.progress import note
from xltpipe.quality import duplicates
from xltpipe.store import Store

if TYPE_CHECKING:
    import duckdb

    from xltpipe.reporting.run import Run

BAD = "bad"


def learnt(
    connection: duckdb.DuckDBPyConnection,
    store: Store,
    run: Run,
    labelled: Path | None,
    *,
    seed: int,
    false_alarms: float,
) -> Learnt:
    """Learn from the rows of a file, else from the run's kept rows spoilt on purpose.

    Raises:
        MissingExtraError: scikit-learn is not installed. RecipeError: this version cannot read
            the run's settings. DataError: the file, or too few rows.
    """
    require("sklearn", "suggest")  # before the work
    signature = {"run": run.id, "from": "labelled" if labelled else "synthetic"}
    if labelled is not None:
        found = _labelled(connection, run.id, labelled)
    else:
        if run.recipe is None:
            raise RecipeError(
                f"Run must have settings that this version can read, was: {run.id}; run it again"
            )
        from xltpipe.deciding.synthetic import spoilt

        found = spoilt(connection, store, run.id, run.recipe, seed)
    return learn(found, seed=seed, false_alarms=false_alarms, signature=signature)


def _labelled(connection: duckdb.DuckDBPyConnection, run: str, path: Path) -> Rows:
    """The stored scores of labelled rows.

    Raises:
        DataError: no id is one of the run's.
    """
    wanted = labelled_rows.read(path)
    # which row of a group stays is decided after the combination
    found = {
        name: value
        for name, value in sql.expressions(connection, None).items()
        if name not in {column.name for column in duplicates.COLUMNS}
    }
    values = ", ".join(found.values())
    rows = connection.execute(
        f"SELECT lang, id, {values} FROM units WHERE run = $1 AND error IS NULL "  # noqa: S608
        "AND id IN (SELECT unnest($2::VARCHAR[])) ORDER BY lang, id",
        [run, sorted({id for id, _ in wanted})],
    ).fetchall()
    labels = [wanted.get((id, lang), wanted.get((id, None))) for lang, id, *_ in rows]
    pairs = [(row, good) for row, good in zip(rows, labels, strict=True) if good is not None]
    if not pairs:
        raise DataError(f"Labelled rows must be of run {run}, was: no known id in {path}")
    missing = {id for id, _ in wanted} - {row[1] for row, _ in pairs}
    if missing:
        note(f"{len(missing)} labelled ids are not among the run's scored rows and left out")
    table = np.array([row[2:] for row, _ in pairs], np.float64)
    return Rows(
        {name: table[:, n] for n, name in enumerate(found)},
        [f"{row[0]}:{row[1]}" for row, _ in pairs],
        [CLEAN if good else BAD for _, good in pairs],
    )
