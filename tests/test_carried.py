"""What goes over beside spans: links, meta, and texts that are not to be translated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import Echo, Identity, LinkedWords
from tests.projection.texts import covered, labelled
from tests.projection.toy_tools import ToyTools
from xltpipe import carried, stages, tables
from xltpipe.labels import _by_links, _counts
from xltpipe.projection import Aligned, Markers
from xltpipe.projection.chain import Chain
from xltpipe.quality import SCORERS
from xltpipe.quality.stage import score
from xltpipe.review.examples import example
from xltpipe.translation import Copy
from xltpipe.types import Example, Link, Span, Translation, Unit

PROJECTORS = [Aligned(), Markers(style="letters"), Markers(style="brackets")]


@st.composite
def linked(draw: st.DrawFn) -> Example:
    """Texts with spans, links between them, any JSON object beside, some texts to be kept."""
    example = draw(labelled(flat=True))
    order = sorted(example.spans, key=lambda s: (s.text, s.start, -s.end))
    numbers = st.integers(0, len(order) - 1)
    link = st.builds(Link, numbers, numbers, st.sampled_from(["agent", "場所"]))
    links = draw(st.lists(link, max_size=3)) if order else []
    scalars = (
        st.none()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(st.characters(codec="utf-8"))
    )
    meta = draw(
        st.none() | st.dictionaries(st.text(st.characters(codec="utf-8")), scalars, max_size=3)
    )
    texts = range(len(example.texts))
    return replace(
        example,
        spans=tuple(order),
        links=tuple(links),
        meta=None if meta is None else json.dumps(meta, ensure_ascii=draw(st.booleans()), indent=1),
        verbatim=tuple(draw(st.sets(st.sampled_from(texts)))),
        label=draw(st.sampled_from([None, "no"])),
    )


@pytest.mark.parametrize("spec", PROJECTORS, ids=lambda s: f"{s.kind} {getattr(s, 'style', '')}")
@settings(max_examples=12, deadline=None)
@given(rows=st.lists(linked(), min_size=1, max_size=3))
def test_a_copy_is_the_very_example(spec: Aligned | Markers, rows: list[Example]) -> None:
    engine = Copy().build("eng", "spa")
    projector = spec.build(ToyTools(Identity()))
    units = stages.translate(rows, engine, projector, "spa")
    units = tables.table_to_units(tables.units_to_table(units))
    for done, row in zip(stages.project(units, projector), rows, strict=True):
        same = replace(row, lang="spa")
        if not projector.in_place:  # what is read out of markers may have lost white space
            assert list(map(solid, done.target.texts)) == list(map(solid, row.texts))
            same = replace(same, texts=done.target.texts, spans=done.target.spans)
        if len(done.target.spans) == len(row.spans):
            assert done.target == same
            assert covered(done.target) == covered(row)
        assert (done.source, done.target.meta) == (row, row.meta)
        assert {p.source for p in done.placements} == set(range(len(row.spans)))
        lost = {k.source for k in done.placements if k.target is None}
        assert not any(row.spans[k].text in row.verbatim for k in lost)
        left = [k for k in row.links if not lost & {k.head, k.tail}]
        assert len(done.target.links) == len(left)


def solid(text: str) -> str:
    return "".join(text.split())


EVENT = Example(
    "e",
    "eng",
    ("Ana met Bob", "print('Ana')"),
    (Span(4, 7, "Meet"), Span(0, 3, "PER"), Span(8, 11, "PER"), Span(7, 10, "PER", 1)),
    links=(Link(0, 1, "agent"), Link(0, 2, "other"), Link(1, 3, "named")),
    meta='{"n": 1.00}',
    verbatim=(1,),
)


class Words(Echo):
    """Puts words in the other order, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        self.asked += texts
        turned = [" ".join(reversed(text.split())) for text in texts]
        return super().translate(turned, source, target)


def test_links_follow_their_spans_and_kept_texts_are_not_sent() -> None:
    engine = Words()
    projector = Aligned().build(ToyTools(LinkedWords([(0, 2), (1, 1), (2, 0)])))
    (unit,) = stages.translate([EVENT], engine, projector, "spa")
    assert engine.asked == ["Ana met Bob"]
    assert unit.target.texts == ("Bob met Ana", "print('Ana')")
    (done,) = stages.project([unit], projector)
    assert [done.target.covered(s) for s in done.target.spans] == ["Bob", "met", "Ana", "Ana"]
    joined = {(k.head, k.tail, k.label) for k in done.target.links}
    assert joined == {(1, 2, "agent"), (1, 0, "other"), (2, 3, "named")}
    assert [p.method for p in done.placements][3] == carried.METHOD
    assert (done.source, done.target.meta) == (EVENT, EVENT.meta)


def test_a_link_that_loses_an_end_is_counted() -> None:
    plain = replace(EVENT, texts=EVENT.texts[:1], spans=EVENT.spans[:3], links=EVENT.links[:2])
    plain = replace(plain, verbatim=())
    projector = Aligned(without=("recovery",)).build(ToyTools(LinkedWords([(0, 0), (1, 1)])))
    units = stages.translate([plain, EVENT], Words(), projector, "spa")
    (by_rows, _) = stages.project(units, projector)
    assert [(k.head, k.tail) for k in by_rows.target.links] == [(1, 0)]
    table = tables.units_to_table(units[:1])
    done = _by_links(None, table, projector, None)  # type: ignore[arg-type] - met only on a fault
    assert tables.table_to_units(done) == [by_rows]
    counts = _counts(done)
    assert (counts["links"], counts["links_lost"], counts["spans"]) == (2, 1, 3)


def test_later_methods_of_a_chain_see_no_links() -> None:
    methods = [
        {"projector": {"kind": "aligned"}, "floor": 1.0},
        {"projector": {"kind": "aligned", "mode": "gap"}},
    ]
    chain = Chain.model_validate({"kind": "chain", "methods": methods})
    projector = chain.build(ToyTools(LinkedWords([(0, 2), (1, 1)])))
    (done,) = stages.project(stages.translate([EVENT], Words(), projector, "spa"), projector)
    assert len(done.target.links) == 3 - sum(p.target is None for p in done.placements[:3])


def test_texts_that_are_kept_have_no_part_in_the_scores() -> None:
    projector = Aligned().build(ToyTools(LinkedWords([(0, 2), (1, 1), (2, 0)])))
    units = stages.project(stages.translate([EVENT], Words(), projector, "spa"), projector)
    alone = replace(EVENT, texts=EVENT.texts[:1], spans=EVENT.spans[:3], links=(), verbatim=())
    plain = stages.project(stages.translate([alone], Words(), projector, "spa"), projector)
    every = replace(EVENT, verbatim=(0, 1))
    kept = stages.project(stages.translate([every], Words(), projector, "spa"), projector)
    with_it, without, none = (
        score(tables.units_to_table(given), SCORERS) for given in (units, plain, kept)
    )
    for name, column in with_it.columns.items():
        np.testing.assert_array_equal(column, without.columns[name], name)
    assert none.errors == [None]
    assert kept[0].target == replace(
        every, lang="spa", spans=kept[0].target.spans, links=kept[0].target.links
    )


def test_predicting_hides_links() -> None:
    class Spy:
        def predict(self, examples: Sequence[Example]) -> list[Example]:
            assert not any(e.links or e.spans for e in examples)
            return list(examples)

    (told,) = stages.predict([EVENT], Spy())
    assert told.meta == EVENT.meta


def older(units: pa.Table) -> pa.Table:
    """The table as versions without links wrote it."""
    new = set(tables.OPTIONAL) - {"masked"}
    for side in ("source", "target"):
        struct = units.column(side).combine_chunks()
        kept = [f for f in struct.type if f.name not in new]
        less = pa.StructArray.from_arrays([struct.field(f.name) for f in kept], fields=kept)
        units = units.set_column(units.schema.get_field_index(side), side, less)
    return units


def test_tables_of_earlier_versions_know_nothing_of_it(tmp_path: Path) -> None:
    new = set(tables.OPTIONAL) - {"masked"}
    bare = replace(EVENT, links=(), meta=None, verbatim=())
    table = tables.examples_to_table([EVENT, EVENT])
    assert tables.table_to_examples(table.drop_columns(list(new)).slice(1)) == [bare]
    units = tables.units_to_table([Unit(EVENT, EVENT)])
    assert tables.table_to_units(older(units)) == [Unit(bare, bare)]
    # side by side in the catalogue
    for name, one in (("old", older(units)), ("new", units)):
        pq.write_table(one, tmp_path / f"{name}.parquet")
    paths = [str(tmp_path / "old.parquet"), str(tmp_path / "new.parquet")]
    found = duckdb.sql(f"FROM read_parquet({paths}, union_by_name = true)").to_arrow_table()
    columns = [found.column(f.name).cast(f.type) for f in tables.UNITS]
    both = tables.table_to_units(pa.Table.from_arrays(columns, schema=tables.UNITS))
    assert both == [Unit(bare, bare), Unit(EVENT, EVENT)]
    assert [example(row["target"]) for row in found.to_pylist()] == [bare, EVENT]
