"""Projecting a shard: on the table, and by rows where that meets a fault; both are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.examples import SCRIPTS, Identity, unit
from tests.toy_recipe import toy_recipe
from xltpipe import tables
from xltpipe.alignment import AlignerSpec
from xltpipe.errors import DataError
from xltpipe.labels import label
from xltpipe.protocols import Aligner, Pair
from xltpipe.tools import RunTools
from xltpipe.types import Alignment

TABLE = tables.units_to_table([unit(source, source.texts[0]) for source in SCRIPTS])


@dataclass
class Given(RunTools):
    """The tools of a run whose aligner fails on pairs that hold this word."""

    poison: str | None = None

    def aligner(self, spec: AlignerSpec) -> Aligner:
        poison = self.poison

        class Failing(Identity):
            def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
                if any(poison in source.strings for source, _ in pairs):
                    raise ValueError("it fell over")
                return super().align(pairs)

        return Failing()


def test_the_table_and_its_counts(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, projection={"kind": "aligned"})
    done, counts = label(recipe, TABLE, Given("eng", "spa", False, None))
    assert done.schema == TABLE.schema
    found = [len(u.target.spans) for u in tables.table_to_units(done)]
    assert found == [len(source.spans) for source in SCRIPTS]
    assert (counts["rows"], counts["placed"]) == (len(SCRIPTS), counts["spans"])
    assert "table_faults" not in counts


def test_a_fault_is_counted_and_only_its_row_quarantined(tmp_path: Path) -> None:
    tools = Given("eng", "spa", False, None, poison="Bob")
    recipe = toy_recipe(tmp_path, projection={"kind": "aligned"}, on_error="quarantine")
    done, counts = label(recipe, TABLE, tools)
    assert (counts["table_faults"], counts["quarantined"], counts["rows"]) == (1, 1, len(SCRIPTS))
    (error,) = [u.error for u in tables.table_to_units(done) if u.error]
    assert "it fell over" in error
    with pytest.raises(DataError, match="it fell over"):
        label(toy_recipe(tmp_path, projection={"kind": "aligned"}), TABLE, tools)
