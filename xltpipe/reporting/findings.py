"""Findings: all that a report tells of a run, asked of the catalogue; no text is HTML yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xltpipe.compared.sequence import told
from xltpipe.reporting.artefacts import artefacts, libraries, record
from xltpipe.reporting.counts import Counted, Took, counted, took
from xltpipe.reporting.funnel import Part, parts
from xltpipe.reporting.labels import Labels, Method, labels, methods
from xltpipe.reporting.reasons import Fault, Reason, faults, reasons
from xltpipe.reporting.rows import Sample, sample
from xltpipe.reporting.run import Run, find
from xltpipe.reporting.scores import Distribution, distributions
from xltpipe.store import Store

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Essentials:
    """What a person wants to know first: the funnel, the reasons, the results."""

    run: Run
    parts: tuple[Part, ...]
    reasons: tuple[Reason, ...]
    faults: tuple[Fault, ...]
    results: tuple[Mapping[str, Any], ...]

    @property
    def sound(self) -> bool:
        """Every row that was read is accounted for."""
        return not any(part.missing or part.astray for part in self.parts)


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything in the report."""

    essentials: Essentials
    scores: tuple[Distribution, ...]
    labels: tuple[Labels, ...]
    methods: tuple[Method, ...]
    counted: tuple[Counted, ...]
    took: tuple[Took, ...]
    libraries: Mapping[str, Counter[str]]
    sample: Sample


def essentials(store: Store, connection: duckdb.DuckDBPyConnection, wanted: str) -> Essentials:
    """The essentials of a run.

    Raises:
        RecipeError: there is no such run.
    """
    run = find(connection, wanted)
    results = connection.sql(
        """SELECT lang, test, strategy, metric, value, signature, details FROM results
           WHERE run = $run ORDER BY lang, test, value DESC, strategy""",
        params={"run": run.id},
    )
    return Essentials(
        run,
        tuple(parts(connection, run.id, record(store, run.id))),
        tuple(reasons(connection, run.id)),
        tuple(faults(connection, run.id)),
        tuple(told(results.to_arrow_table().to_pylist())),
    )


def findings(
    store: Store, connection: duckdb.DuckDBPyConnection, wanted: str, size: int, seed: int
) -> Findings:
    """Everything about a run, with a sample of so many rows.

    Raises:
        RecipeError: there is no such run.
    """
    first = essentials(store, connection, wanted)
    run = first.run
    made = artefacts(store, record(store, run.id))
    return Findings(
        first,
        tuple(distributions(connection, run.id, dict(run.limits))),
        tuple(labels(connection, run.id)),
        tuple(methods(connection, run.id)),
        tuple(counted(made)),
        tuple(took(made, run.started)),
        libraries(made),
        sample(connection, run.id, size, seed),
    )
