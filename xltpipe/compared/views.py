"""Views: comparisons as tables of the catalogue.

`comparison` has one row per comparison, cell, seed and test set, `comparison_summary` one per
comparison, cell and test set (and stage of `sequential`: `learnt`). Cells that were skipped, failed
or are missing are rows without a value. `transfer_matrix` has one row per run, stage and test set
of a model that learnt languages one after another, `forgetting` one per run and test set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

_AXES = ("strategy", "projection", "filter", "training")
CELLS = pa.schema(
    [
        *((name, pa.string()) for name in ("comparison", "lang", *_AXES)),
        ("seed", pa.int64()),
        *((name, pa.string()) for name in ("run", "state", "reason")),
        ("seconds", pa.float64()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
    ]
)
ROWS = pa.schema(
    [
        *(
            (name, pa.string())
            for name in ("comparison", "lang", *_AXES, "test", "learnt", "metric")
        ),
        ("n", pa.int64()),
        ("mean", pa.float64()),
        ("sd", pa.float64()),
        ("is_baseline", pa.bool_()),
        *((name, pa.float64()) for name in ("difference", "low", "high", "p", "p_holm")),
        ("untested", pa.string()),
        ("share_of_supervised", pa.float64()),
        ("seconds", pa.float64()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
    ]
)

VIEWS = """
CREATE VIEW comparison AS
SELECT c.comparison, c.lang, c.strategy, c.projection, c.filter, c.training, c.seed,
       r.test, r.metric, r.value, c.seconds, c.tokens_in, c.tokens_out, c.state, c.reason, c.run,
       r.signature, r.key
FROM comparison_cells AS c LEFT JOIN results AS r ON r.run = c.run AND r.lang = c.lang;
CREATE VIEW comparison_summary AS SELECT * FROM comparison_rows;
CREATE VIEW transfer_matrix AS
SELECT run, len(learnt) - 1 AS stage, list_extract(learnt, -1) AS learning, learnt, lang, test,
       metric, if(isnan(value), 0, value) AS value,
       CASE WHEN lang = list_extract(learnt, -1) THEN 'own'
            WHEN list_contains(learnt, lang) THEN 'later' ELSE 'zero_shot' END AS role,
       signature, key
FROM (SELECT *, string_split(regexp_extract(signature, '\\|learnt:([^|]+)', 1), '>') AS learnt
      FROM results WHERE contains(signature, '|learnt:'));
CREATE VIEW forgetting AS
SELECT run, lang, test, metric, max(value) FILTER (role = 'own') AS own,
       arg_max(value, stage) AS last,
       arg_max(value, stage) FILTER (role = 'zero_shot') AS transfer,
       max(value) FILTER (role = 'own') - arg_max(value, stage) AS forgetting
FROM transfer_matrix GROUP BY run, lang, test, metric;
"""


def cells(records: Iterable[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """Rows of `comparison_cells`."""
    for record in records:
        for cell in record["cells"]:
            named = (cell[axis] for axis in _AXES)
            told = (cell[name] for name in ("seed", "run", "state", "reason"))
            cost = (cell.get(name) for name in ("seconds", "tokens_in", "tokens_out"))
            yield record["comparison"], cell["target"], *named, *told, *cost


def rows(records: Iterable[dict[str, Any]]) -> Iterator[tuple[object, ...]]:
    """Rows of `comparison_rows`."""
    for record in records:
        for row in record["rows"]:
            apart = row["difference"] or {}
            yield (
                *(record["comparison"], row["target"], *(row[axis] for axis in _AXES)),
                *(row["test"], row.get("learnt")),  # comparisons of earlier versions have none
                *(row[name] for name in ("metric", "n", "mean", "sd", "baseline")),
                *(apart.get(name) for name in ("value", "low", "high", "p", "holm")),
                *(row["untested"], row["share"]),
                *(row["cost"][name] for name in ("seconds", "tokens_in", "tokens_out")),
            )
