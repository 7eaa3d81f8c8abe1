"""Sampling: which rows may be drawn, and that a seed draws the same ones."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from tests.toy_shelf import RUN, relang, row, rows, shelve
from xltpipe.catalogue import connect
from xltpipe.errors import RecipeError
from xltpipe.review.sampling import Filters, sample


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    classed = row("c1", ("It rains",), ("Pleut",), label="weather", lang="fra")
    places = {("spa", "train"): [rows()], ("fra", "dev"): [[*relang(rows()[:2], "fra"), classed]]}
    store = shelve(tmp_path_factory.mktemp("sampling"), places)
    with connect(store) as connection:
        yield connection


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (Filters(), "c1 r1 r1 r2 r2 r3 r4 r5 r6 r7"),
        (Filters("kept"), "c1 r1 r1 r2 r2 r3 r5 r6"),
        (Filters("rejected"), "r4"),
        (Filters("quarantined"), "r7"),
        (Filters(reason="length_ratio"), "r4"),  # not only the first reason
        (Filters(label="LOC"), "r1 r1 r2 r2 r3 r4"),
        (Filters("quarantined", label="PER"), "r7"),  # in the source alone
        (Filters(label="weather"), "c1"),
        (Filters(lang="fra"), "c1 r1 r2"),
        (Filters(split="train", label="LOC", lang="spa"), "r1 r2 r3 r4"),
        (Filters("kept", reason="span_lost"), ""),
    ],
)
def test_filters(connection: duckdb.DuckDBPyConnection, filters: Filters, ids: str) -> None:
    found, total = sample(connection, RUN, filters, 100, 0)
    assert " ".join(sorted(r.source.id for r in found)) == ids
    assert total == len(found)


def test_a_seed_draws_the_same_rows_and_another_draws_others(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    drawn = [sample(connection, RUN, Filters(), 3, seed) for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert all((len(found), total) == (3, 10) for found, total in drawn)
    assert len({tuple((r.lang, r.source.id) for r in found) for found, _ in drawn}) > 2


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(reason="lenght_ratio"), "Reason must be one of the run's, length_ratio, span_lost, was: 'lenght_ratio'"),
        (Filters(label="ORG"), "Label must be one of the run's, LOC, PER, weather, was: 'ORG'"),
        (Filters(lang="es"), "Language must be one of the run's, fra, spa, was: 'es'"),
        (Filters(split="'; DROP TABLE runs; --"), "Split must be one of the run's, dev, train, was"),
    ],
)  # fmt: skip
def test_words_that_the_run_does_not_know(
    connection: duckdb.DuckDBPyConnection, filters: Filters, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        sample(connection, RUN, filters, 3, 0)
