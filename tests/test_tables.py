import math
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import SCRIPTS, unit
from xltpipe import tables
from xltpipe.types import Example, Leg, Placement, Span, Translation, Unit


def test_examples_survive_the_table() -> None:
    assert tables.table_to_examples(tables.examples_to_table(SCRIPTS)) == SCRIPTS


def test_several_texts_labels_and_tokens_survive() -> None:
    rows = [
        Example(
            "a", "eng", ("One .", "Two"), (Span(0, 3, "X", 1),), "entailment", ((0, 3), (4, 5))
        ),
        Example("b", "eng", ("",), (), None),
    ]
    assert tables.table_to_examples(tables.examples_to_table(rows)) == rows


def full_unit(k: int) -> Unit:
    source = SCRIPTS[k % len(SCRIPTS)]
    made = unit(source, f"text {k}")
    placements = tuple(
        Placement(i, None, "aligned", None, "no_alignment") for i in range(len(source.spans))
    )
    received = (
        Translation(f"text {k}", -0.5 * k, k, k + 1, k % 2 == 0),
        Translation("y", -0.5, 9, 8, via=Leg("spa", "z", None, 4, 3, k % 2 == 1)),
        Translation("x", engine="slow", passed_over=("quick: empty", "other: fault: refused")),
        Translation("", fault="refused: I cannot help with that"),
    )
    return Unit(
        made.source,
        made.target,
        ("a", "b"),
        received,
        placements,
        ("empty", "truncated") if k % 3 == 0 else (),
        "boom" if k % 5 == 0 else None,
    )


def test_units_survive_the_table_and_slices_of_it() -> None:
    units = [full_unit(k) for k in range(12)]
    table = tables.units_to_table(units)
    assert tables.table_to_units(table) == units
    assert tables.table_to_units(table.slice(3, 4)) == units[3:7]
    assert tables.table_to_units(pa.concat_tables([table, table])) == units + units
    assert table["reason"].to_pylist()[0] == "empty"


def test_older_tables_know_no_faults_and_no_chain() -> None:
    made = full_unit(1)
    table = tables.units_to_table([made, full_unit(2)])
    new = {"fault", "engine", "passed_over", "via"}
    older = [f for f in table.schema.field("received").type.value_type if f.name not in new]
    rows = [
        [{f.name: t[f.name] for f in older} for t in row] for row in table["received"].to_pylist()
    ]
    place = table.schema.get_field_index("received")
    column = pa.array(rows, pa.list_(pa.struct(older)))
    read, _ = tables.table_to_units(table.set_column(place, "received", column))
    plain = tuple(
        replace(t, fault=None, engine=None, passed_over=(), via=None) for t in made.received
    )
    assert read == replace(made, received=plain)


@pytest.mark.parametrize("make", [tables.examples_to_table, tables.units_to_table])
def test_empty_stays_empty(make) -> None:
    table = make([])
    assert table.num_rows == 0
    read = tables.table_to_examples if make is tables.examples_to_table else tables.table_to_units
    assert read(table) == []


def test_scores_become_columns_and_nan_becomes_null() -> None:
    table = tables.units_to_table([full_unit(1), full_unit(2)])
    column = tables.scores_column({"a": [0.5, math.nan], "b": [1.0, 2.0]}, 2)
    scored = table.append_column("scores", column).cast(tables.scored(["a", "b"]))
    assert len(tables.scores_column({}, 2)) == 2
    assert scored["scores"].to_pylist() == [{"a": 0.5, "b": 1.0}, {"a": None, "b": 2.0}]
    assert tables.table_to_units(scored) == [full_unit(1), full_unit(2)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=5))
def test_any_text_survives(texts: list[str]) -> None:
    rows = [Example(str(i), "eng", (t,)) for i, t in enumerate(texts)]
    assert tables.table_to_examples(tables.examples_to_table(rows)) == rows


def test_batches_cut_a_stream() -> None:
    assert list(tables.batches(iter(range(5)), 2)) == [[0, 1], [2, 3], [4]]
    assert list(tables.batches(iter([]), 2)) == []
