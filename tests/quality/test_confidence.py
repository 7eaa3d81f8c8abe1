"""The least confidence and margin of a row, and the latest method it needed."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import pytest

from tests.quality.span_units import alone, at_random, check_independence, columns, linked
from xltpipe.quality.confidence import Confidence
from xltpipe.types import Placement, Unit


def unit(*placements: Placement) -> Unit:
    names = (("Ana", "Ana"), ("Bob", "Bob"), ("Eva", "Eva"))[: len(placements)]
    return replace(linked("Ana Bob Eva", "Ana Bob Eva", *names), placements=placements)


def test_the_worst_span_counts() -> None:
    made = unit(
        Placement(0, 0, "a", 0.9, rank=0, margin=0.5),
        Placement(1, 1, "b", 0.4, rank=2, margin=0.3),
        Placement(2, 2, "b", None, rank=1),
    )
    assert alone(Confidence(), made) == {"span_confidence": 0.4, "span_margin": 0.3, "span_rank": 2}


def test_lost_spans_and_methods_without_scores_say_nothing() -> None:
    made = unit(Placement(0, None, "a", None, "no_alignment"), Placement(1, 0, "markers"))
    found = alone(Confidence(), made)
    assert isnan(found["span_confidence"])
    assert isnan(found["span_margin"])
    assert found["span_rank"] == 0
    assert all(map(isnan, alone(Confidence(), unit()).values()))


def test_older_artefacts_have_no_margin() -> None:
    from xltpipe.quality.batch import Batch

    batch = Batch.of([unit(Placement(0, 0, "a", 0.5, margin=0.5))])
    rows = batch.table.column("placements").to_pylist()
    for row in rows:
        for placement in row:
            del placement["margin"]
    place = batch.table.schema.get_field_index("placements")
    older = Batch(batch.table.set_column(place, "placements", [rows]))
    confidence, margin, _ = Confidence().score(older)
    assert confidence.tolist() == [0.5]
    assert isnan(margin[0])


def test_as_the_slow_way() -> None:
    units = at_random(200, seed=3)
    found = columns(Confidence(), units)
    for n, one in enumerate(units):
        placed = [p for p in one.placements if p.target is not None]
        for name, values in (
            ("span_confidence", [p.score for p in placed]),
            ("span_margin", [p.margin for p in placed]),
        ):
            least = min((v for v in values if v is not None), default=nan)
            assert found[name][n] == pytest.approx(least, nan_ok=True)
        rank = max((float(p.rank) for p in placed), default=nan)
        assert found["span_rank"][n] == pytest.approx(rank, nan_ok=True)


def test_each_row_is_scored_alone() -> None:
    check_independence(Confidence(), at_random(60, seed=1))
