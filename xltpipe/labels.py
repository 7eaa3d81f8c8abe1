"""Labels: what projecting one shard does, on the table where links alone decide, else by rows."""

from __future__ import annotations

import time
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from xltpipe import carried, progress, stages, tables
from xltpipe.errors import MissingExtraError, RecipeError, TransientError
from xltpipe.projection.aligned import AlignedProjector
from xltpipe.projection.columns import align_table, project_table
from xltpipe.protocols import Projector
from xltpipe.recipe import Recipe
from xltpipe.store import Counts
from xltpipe.tools import RunTools
from xltpipe.types import Unit

ROWS = 500
"""Rows projected at once on a table: bounds memory, does not change the result."""


def label(recipe: Recipe, table: pa.Table, tools: RunTools) -> tuple[pa.Table, Counts]:
    """The UNITS table with its labels carried over, and what was met on the way."""
    started = time.perf_counter()
    projector = recipe.projection.build(tools)
    if isinstance(projector, AlignedProjector):
        slices = [table.slice(start, ROWS) for start in range(0, table.num_rows, ROWS)]
        parts = [_by_links(recipe, one, projector, tools) for one in slices]
        done = pa.concat_tables(parts) if parts else table
    else:
        done = _by_rows(recipe, table, projector)
    seconds = time.perf_counter() - started
    if recipe.incomplete == "mask":
        masked = [stages.masked(unit) for unit in tables.table_to_units(done)]
        done = tables.units_to_table(masked)
    extra: Mapping[str, int] = getattr(projector, "counts", {})
    return done, {
        **_counts(done),
        **tools.counts,
        **{f"projector_{name}": number for name, number in extra.items()},
        "project_seconds": round(seconds, 4),
        "align_seconds": round(tools.seconds.get("align", 0.0), 4),
    }


def _by_links(
    recipe: Recipe, table: pa.Table, projector: AlignedProjector, tools: RunTools
) -> pa.Table:
    """As the projector does by rows, several times as fast; a fault is counted and left to them."""
    if table.column("error").null_count < table.num_rows or _listed(table, "source", "verbatim"):
        return _by_rows(recipe, table, projector)
    try:
        done = project_table(table, projector.placer, align_table(table, projector.aligner))
    except (MissingExtraError, RecipeError, TransientError):
        raise
    except Exception:  # noqa: BLE001 - met again by rows, and either told or quarantined there
        tools.counts["table_faults"] = tools.counts.get("table_faults", 0) + 1
        return _by_rows(recipe, table, projector)
    progress.tick("project", table.num_rows)
    if _listed(table, "source", "links"):
        done = tables.units_to_table([carried.linked(u) for u in tables.table_to_units(done)])
    return done


def _listed(table: pa.Table, side: str, name: str) -> int:
    """How many entries the lists of one field of all examples have."""
    lists = table.column(side).combine_chunks().field(name)
    return pc.sum(pc.list_value_length(lists)).as_py() or 0


def _by_rows(recipe: Recipe, table: pa.Table, projector: Projector) -> pa.Table:
    units: list[Unit] = tables.table_to_units(table)
    return tables.units_to_table(stages.project(units, projector, recipe.on_error))


def _counts(table: pa.Table) -> Counts:
    """Rows, spans, and what became of the spans by reason."""
    placements = table.column("placements").combine_chunks().flatten()
    reasons = placements.field("reason") if len(placements) else pa.array([], pa.string())
    lost = {
        str(one["values"]): int(one["counts"])
        for one in pc.value_counts(reasons.drop_null()).to_pylist()
    }
    spans = table.column("source").combine_chunks().field("spans")
    masked = table.column("target").combine_chunks().field("masked")
    links = _listed(table, "source", "links")
    return {
        "rows": table.num_rows,
        "quarantined": table.num_rows - table.column("error").null_count,
        "spans": len(spans.flatten()),
        "placed": len(placements) - sum(lost.values()),
        "masked": pc.sum(pc.greater(pc.list_value_length(masked), 0)).as_py() or 0,
        **{f"lost:{reason}": lost[reason] for reason in sorted(lost)},
        **(
            {"links": links, "links_lost": links - _listed(table, "target", "links")}
            if links
            else {}
        ),
    }
