"""Projection on tables: the same results as on units, however the table is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import Identity, example, unit
from tests.projection.texts import COLLISIONS, WORDS, labelled
from xltpipe.errors import DataError
from xltpipe.projection import Aligned
from xltpipe.projection.aligned import AlignedProjector
from xltpipe.projection.columns import align_table, project_table
from xltpipe.protocols import Pair
from xltpipe.tables import UNITS, table_to_units, units_to_table
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Example, Span, Unit


class Scattered:
    """Links that depend on the pair alone, with scores, some of them on punctuation."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        return [self._one(len(a), len(b)) for a, b in pairs]

    def _one(self, ours: int, theirs: int) -> Alignment:
        if not ours or not theirs:
            return Alignment(())
        links = {
            (i, (i * step + self._seed) % theirs)
            for i in range(ours)
            for step in (1, self._seed % 3)
            if (i + self._seed) % 5
        }
        ordered = tuple(sorted(links))
        return Alignment(ordered, tuple(((i + j) % 7 + 1) / 8 for i, j in ordered))


def both(
    units: Sequence[Unit], aligner: object, spec: Aligned
) -> tuple[list[Unit], list[Unit], pa.Table]:
    placer = spec.placer("eng", "spa")
    table = units_to_table(units)
    done = project_table(table, placer, align_table(table, aligner))
    return AlignedProjector(aligner, placer).project(units), table_to_units(done), done


@st.composite
def units(draw: st.DrawFn) -> list[Unit]:
    out = []
    for number in range(draw(st.integers(0, 4))):
        source = replace(draw(labelled(WORDS + COLLISIONS)), id=str(number))
        count = draw(st.integers(1, len(source.texts)))
        texts = tuple(
            " ".join(draw(st.lists(st.sampled_from(WORDS + COLLISIONS), max_size=9)))
            for _ in range(count)
        )
        if draw(st.booleans()):
            source = replace(source, tokens=tokenise(source.texts[0]).bounds)
        target = Example(source.id, "spa", texts)
        if draw(st.booleans()):
            target = replace(target, tokens=tokenise(texts[0]).bounds)
        out.append(Unit(source, target))
    return out


@settings(deadline=None, max_examples=40)
@given(units(), st.integers(0, 50), st.sampled_from(["min_max", "gap", "longest_run", "elp"]))
def test_tables_and_units_give_the_same(made: list[Unit], seed: int, mode: str) -> None:
    spec = Aligned.model_validate({"mode": mode})
    expected, got, table = both(made, Scattered(seed), spec)
    assert got == expected
    assert table.schema == UNITS


@settings(deadline=None, max_examples=20)
@given(units(), st.integers(0, 50), st.integers(0, 3))
def test_slices_and_chunks_change_nothing(made: list[Unit], seed: int, cut: int) -> None:
    placer = Aligned().placer("eng", "spa")
    table, aligner = units_to_table(made), Scattered(seed)
    whole = project_table(table, placer, align_table(table, aligner))
    cut = min(cut, table.num_rows)
    parts = [table.slice(0, cut), table.slice(cut)]
    done = [project_table(p, placer, align_table(p, aligner)) for p in parts]
    assert table_to_units(pa.concat_tables(done)) == table_to_units(whole)
    chunked = pa.concat_tables(parts)
    links = pa.chunked_array([align_table(p, aligner) for p in parts])
    assert table_to_units(project_table(chunked, placer, links)) == table_to_units(whole)


def test_a_copied_span_a_lost_one_and_a_missing_text() -> None:
    texts = ("Kraków sings here", "Ana")
    source = Example("1", "eng", texts, (Span(0, 3, "PER", 1), Span(0, 6, "LOC"), Span(7, 12, "X")))
    made = [Unit(source, Example("1", "spa", ("en Kraków",))), unit(example("Hi"), "Hola")]

    class Silent:
        def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
            return [Alignment(())] * len(pairs)

    expected, got, _ = both(made, Silent(), Aligned(without=("copies",)))
    assert got == expected
    assert [(p.method, p.reason) for p in got[0].placements] == [
        ("aligned", "text_missing"),
        ("aligned:copied", None),
        ("aligned", "no_alignment"),
    ]
    assert (got[1].target.spans, got[1].placements) == ((), ())


def test_further_columns_stay_and_empty_tables_are_fine() -> None:
    made = [unit(example("Ana sings", ("Ana", "PER")), "Ana canta")]
    table = units_to_table(made).append_column("extra", pa.array([7]))
    placer = Aligned().placer("eng", "spa")
    done = project_table(table, placer, align_table(table, Identity()))
    assert done.column("extra").to_pylist() == [7]
    empty = table.slice(0, 0)
    assert project_table(empty, placer, align_table(empty, Identity())).num_rows == 0


def test_links_for_another_number_of_rows_are_met() -> None:
    table = units_to_table([unit(example("Ana", ("Ana", "PER")), "Ana")])
    links = align_table(table, Identity())
    with pytest.raises(DataError, match="Links must give one result per input, was: 0 for 1"):
        project_table(table, Aligned().placer("eng", "spa"), links.slice(1))
