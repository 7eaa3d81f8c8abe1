"""Margins: how far a place is ahead of the next best one, kept on all ways a unit goes."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from tests.examples import LinkedWords, example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe import tables
from xltpipe.alignment import FastAlign
from xltpipe.projection import Aligned, Candidates, Constrained
from xltpipe.projection.candidates_selection import Option, lead
from xltpipe.projection.chain import ChainProjector
from xltpipe.projection.columns import align_table, project_table
from xltpipe.projection.constrained_problem import Candidate, Solution
from xltpipe.projection.filling import Placed, filled
from xltpipe.translation.models import find_model
from xltpipe.types import Example, Placement, Span, Unit

MODEL = find_model("embedded")
SOURCE = example("My sister lives in Boston .", ("My sister", "PER"), ("Boston", "LOC"))
TARGET = "Mi hermana vive en Boston ."


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.9, 0.5, 0.6], 0.3), ([0.9], 0.9), ([0.4, 0.5], 0.0), ([1.5, 0.1], 1.0)],
)
def test_lead_of_a_candidate(scores: list[float], expected: float) -> None:
    options = [Option(k, k + 1, score, 0) for k, score in enumerate(scores)]
    assert lead(options[0], options) == pytest.approx(expected)


def test_lead_of_a_solution() -> None:
    first, second = Candidate(0, 0, -0.1), Candidate(1, 1, -2.0)
    both = Solution((first, second), 0.0)
    wanted = both.confidence(first) - both.confidence(second)
    assert both.lead(first) == pytest.approx(wanted)
    assert both.lead(second) == 0
    assert Solution((first,), 0.0).lead(first) is None


def test_candidates_tell_their_margin() -> None:
    tools = ToyTools(LinkedWords([(0, 0), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]), MODEL)
    (done,) = Candidates().build(tools).project([unit(SOURCE, TARGET)])
    for placement in done.placements:
        assert placement.margin is not None
        assert 0 <= placement.margin <= (placement.score or 0)


def test_constrained_tells_it_where_every_place_was_scored() -> None:
    tools = ToyTools(model=MODEL)
    (done,) = Constrained(backend="ctranslate2").build(tools).project([unit(SOURCE, TARGET)])
    (cheap,) = Constrained().build(tools).project([unit(SOURCE, TARGET)])
    assert [s.start for s in done.target.spans] == [s.start for s in cheap.target.spans]
    for placement in done.placements:
        assert placement.margin is not None
        assert 0 < placement.margin <= (placement.score or 0)
    assert [p.margin for p in cheap.placements] == [None, None]


def test_links_know_no_second_best_by_rows_or_by_columns() -> None:
    spec, aligner = Aligned(aligner=FastAlign()), LinkedWords([(0, 0), (1, 1), (4, 4)])
    tools = ToyTools(aligner)
    given = [unit(SOURCE, TARGET)]
    rows = spec.build(tools).project(given)
    table = tables.units_to_table(given)
    placed = project_table(table, spec.placer("eng", "spa"), align_table(table, aligner))
    assert tables.table_to_units(placed) == rows
    assert [p.margin for p in rows[0].placements] == [None, None]


class Sure:
    in_place = True

    def prepare(self, example: Example) -> tuple[str, ...]:
        return example.texts

    def project(self, units: list[Unit]) -> list[Unit]:
        return [
            filled(u, {0: Placed(Span(0, 10, "PER"), 0.9, margin=0.25), 1: "no_link"}, "sure")
            for u in units
        ]


def test_a_chain_keeps_it() -> None:
    chain = ChainProjector([Sure(), Sure()], [0.0, 0.0])
    (done,) = chain.project([unit(SOURCE, TARGET)])
    assert done.placements[0].margin == 0.25


def test_margins_survive_the_table_and_older_tables_have_none() -> None:
    placements = (Placement(0, 0, "m", 0.9, margin=0.25), Placement(1, None, "m", reason="x"))
    target = replace(unit(SOURCE, TARGET).target, spans=(Span(0, 10, "PER"),))
    made = replace(unit(SOURCE, TARGET), target=target, placements=placements)
    table = tables.units_to_table([made])
    assert tables.table_to_units(table) == [made]
    older = [f for f in table.schema.field("placements").type.value_type if f.name != "margin"]
    rows = [[{f.name: p[f.name] for f in older} for p in table["placements"][0].as_py()]]
    place = table.schema.get_field_index("placements")
    column = pa.array(rows, pa.list_(pa.struct(older)))
    (read,) = tables.table_to_units(table.set_column(place, "placements", column))
    assert read == replace(made, placements=tuple(replace(p, margin=None) for p in made.placements))
