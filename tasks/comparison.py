"""What a comparison shows where Prefect shows it."""

from __future__ import annotations

from prefect import task
from prefect.artifacts import create_table_artifact
from prefect.logging import get_run_logger

from tasks.options import OPTIONS
from tasks.shelf import shelf
from tasks.showing import key
from xltpipe.compared import comparison
from xltpipe.compared.comparison import Comparison
from xltpipe.compared.summary import Row


@task(name="summarise", task_run_name="summarise", **OPTIONS)
def summarise(found: Comparison) -> None:
    """Test the differences, record the comparison, and show its table."""
    rows = found.rows(shelf())
    comparison.write(shelf(), found, "failed" if found.faults else "completed", rows)
    for reason, cells in found.undone.items():
        get_run_logger().warning("%d cells not run: %s", len(cells), reason)
    table = [_plain(row) for row in rows]
    if table:
        create_table_artifact(table, key=key(found.id, "comparison"), description=found.id)


def _plain(row: Row) -> dict[str, str | float | None]:
    axes = zip(("lang", "strategy", "projection", "filter", "training"), row.group, strict=True)
    apart = row.difference
    told: dict[str, str | float | None] = {name: value for name, value in axes if value}
    return told | {
        "test": row.test,
        "mean": round(row.mean, 4),
        "sd": None if row.deviation is None else round(row.deviation, 4),
        "difference": None if apart is None else round(apart.value, 4),
        "p (Holm)": None if apart is None else round(apart.holm, 4),
    }
