"""Comparison: a matrix as it stands on the shelf: what is recorded, missing, and what it says."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from xltpipe import progress, runs
from xltpipe.compared.axes import idle_seeds, settings
from xltpipe.compared.cells import Cell, expand, met
from xltpipe.compared.results import Result, results, statistics
from xltpipe.compared.summary import Row, summarise
from xltpipe.compared.transfer import Transfer, of_comparison
from xltpipe.compared.transfer import document as told_transfer
from xltpipe.durable import digest_json, seal, unseal, write_whole
from xltpipe.leak import Leak
from xltpipe.machine import writing
from xltpipe.matrix import Matrix
from xltpipe.recipe import Recipe
from xltpipe.store import Store

log = logging.getLogger("xltpipe.store")

FORMAT = 1


@dataclass
class Comparison:
    """The cells of a recipe's matrix, and the results of those whose runs are recorded."""

    id: str
    """The recipe's name and a digest of its cells and of how they are compared."""
    recipe: Recipe
    matrix: Matrix
    cells: list[Cell]
    found: dict[str, list[Result]] = field(default_factory=dict)
    """By the cell's label."""
    faults: dict[str, str] = field(default_factory=dict)
    """What cells failed with, by the label."""
    started: str = ""
    taken: int = 0
    """Cells that were recorded before this run."""
    leaks: dict[Leak, None] = field(default_factory=dict)
    """Tests that its cells had seen before, each once, in order."""

    @property
    def missing(self) -> list[Cell]:
        """The cells that can run and are not recorded."""
        done = {*self.found, *self.faults}
        return [c for c in self.cells if c.recipe is not None and c.label not in done]

    @property
    def undone(self) -> dict[str, list[Cell]]:
        """The cells that were skipped or failed, by the reason."""
        out: dict[str, list[Cell]] = {}
        for cell in self.cells:
            fault = self.faults.get(cell.label)
            reason = cell.reason if fault is None else f"failed: {fault}"
            if reason is not None:
                out.setdefault(reason, []).append(cell)
        return out

    def look(self, store: Store, cell: Cell) -> bool:
        """Take what is recorded of a cell; whether there is anything."""
        known = results(store, cell)
        if known is not None:
            self.found[cell.label] = known
        return known is not None

    def state(self, cell: Cell) -> str:
        """What became of a cell: recorded, skipped, failed or missing."""
        if cell.label in self.faults:
            return "failed"
        if cell.recipe is None:
            return "skipped"
        return "recorded" if cell.label in self.found else "missing"

    def rows(self, store: Store) -> list[Row]:
        """The table; differences are tested, which takes seconds."""
        return summarise(
            self._results, self.matrix.baseline, partial(statistics, store), self.matrix.rounds
        )

    @property
    def transfers(self) -> list[Transfer]:
        """What was transferred and forgotten where languages were learnt one after another."""
        return of_comparison(self._results)

    @property
    def _results(self) -> list[Result]:
        return [r for c in self.cells for r in self.found.get(c.label, [])]


def begin(store: Store, recipe: Recipe) -> Comparison:
    """Expand the matrix, meet the faults of its cells, and look up what is recorded.

    Raises:
        RecipeError: a name is wrong, or no cell can run. DataError: a source cannot be read.
    """
    matrix = settings(recipe)
    for name in idle_seeds(matrix):
        progress.note(
            f"training {name} draws nothing by chance, so that all seeds give the same model: one "
            "is run; matrix.subsample = 0.8 trains each on another part of the rows"
        )
    planned = expand(recipe)
    found = met(recipe, planned)
    comparison = Comparison(_id(recipe, matrix, planned), recipe, matrix, found, started=_now())
    store.gather(runs.folder(store).name)
    comparison.taken = sum(comparison.look(store, c) for c in found if c.recipe is not None)
    return comparison


def _id(recipe: Recipe, matrix: Matrix, planned: list[Cell]) -> str:
    baseline = None if matrix.baseline is None else matrix.baseline.identity()
    whole = [[cell.label, cell.run] for cell in planned]
    return f"{recipe.name}-{digest_json([whole, baseline, matrix.rounds])[:8]}"


def folder(store: Store) -> Path:
    return store.root / "comparisons"


def write(store: Store, comparison: Comparison, state: str, rows: list[Row] | None = None) -> None:
    """Keep the comparison's record; the catalogue is made of it."""
    record = document(comparison, state, rows or [])
    path = folder(store) / f"{comparison.id}.json"
    with writing(store.root):
        folder(store).mkdir(exist_ok=True)
        write_whole(path, seal(record))
    store.share(path)


def document(comparison: Comparison, state: str, rows: list[Row]) -> dict[str, Any]:
    """The comparison as plain values."""
    return {
        "format": FORMAT,
        "comparison": comparison.id,
        "name": comparison.recipe.name,
        "state": state,
        "started": comparison.started,
        "ended": None if state == "running" else _now(),
        "cells": [_cell(comparison, cell) for cell in comparison.cells],
        "rows": [_plain(row) for row in rows],
        "transfer": [told_transfer(one) for one in comparison.transfers],
        "leaks": [asdict(one) for one in comparison.leaks],
    }


_AXES = ("target", "strategy", "projection", "filter", "training")


def _cell(comparison: Comparison, cell: Cell) -> dict[str, Any]:
    found = comparison.found.get(cell.label)
    named = {name: getattr(cell, name) for name in (*_AXES, "seed", "run")}
    return named | {
        "state": comparison.state(cell),
        "reason": comparison.faults.get(cell.label, cell.reason),
        **(asdict(found[0].cost) if found else {}),
    }


def _plain(row: Row) -> dict[str, Any]:
    return dict(zip(_AXES, row.group, strict=True)) | {
        "test": row.test,
        "learnt": row.learnt,
        "metric": row.metric,
        "n": len(row.scores),
        "mean": row.mean,
        "sd": row.deviation,
        "baseline": row.baseline,
        "difference": None if row.difference is None else asdict(row.difference),
        "untested": row.untested,
        "share": row.share,
        "cost": asdict(row.cost),
        "signatures": list(row.signatures),
    }


def records(store: Store) -> Iterator[dict[str, Any]]:
    """All comparisons on record, oldest first; one that cannot be read is told on the log."""
    store.gather(folder(store).name)
    found = []
    for path in folder(store).glob("*.json"):
        try:
            record = unseal(path.read_bytes())
        except (OSError, ValueError):
            record = None
        if record is None or record.get("format") != FORMAT:
            log.warning("record %s cannot be read as it was written: left out", path.name)
            continue
        found.append(record)
    yield from sorted(found, key=lambda r: (r["started"], r["comparison"]))


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
