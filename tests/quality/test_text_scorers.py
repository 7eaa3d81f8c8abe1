"""What holds for every scorer of texts: rows stand alone, ranges hold, long texts take no age."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.quality import text_units
from tests.quality.text_units import pair
from xltpipe.quality import (
    copies,
    currency,
    engine,
    lengths,
    numerals,
    phrases,
    punctuation,
    repetition,
    residue,
    verbatim,
    writing,
)
from xltpipe.quality.batch import Batch
from xltpipe.quality.scorer import Scorer
from xltpipe.types import Unit

MODULES = (
    *(copies, currency, engine, lengths, numerals, phrases, punctuation, repetition, residue),
    *(verbatim, writing),
)
SCORERS: list[Scorer] = [scorer for module in MODULES for scorer in module.SCORERS]
PARAMETERS = pytest.mark.parametrize("scorer", SCORERS, ids=lambda s: type(s).__name__)


@given(rows=st.lists(text_units.units(), max_size=5))
@settings(max_examples=150, deadline=None)
def test_each_row_is_scored_alone(rows: list[Unit]) -> None:
    whole, parts = Batch.of(rows), [Batch.of([row]) for row in rows]
    for scorer in SCORERS:
        together = scorer.score(whole)
        alone = [scorer.score(part) for part in parts]
        assert len(together) == len(scorer.columns)
        for number, (column, values) in enumerate(zip(scorer.columns, together, strict=True)):
            assert values.dtype == np.float64
            assert values.shape == (len(rows),)
            known = values[~np.isnan(values)]
            assert ((known >= column.low) & (known <= column.high)).all()
            np.testing.assert_array_equal(values, [float(found[number][0]) for found in alone])


@PARAMETERS
def test_columns_say_what_they_are(scorer: Scorer) -> None:
    for column in scorer.columns:
        assert column.meaning.endswith(".")
        assert column.low < column.high
        for limits in filter(None, (column.limits, column.usual)):
            edges = [e for e in (limits.min, limits.max) if e is not None]
            assert all(column.low <= edge <= column.high for edge in edges)


def test_names_and_reasons_are_distinct() -> None:
    columns = [column for scorer in SCORERS for column in scorer.columns]
    assert len({c.name for c in columns}) == len({c.reason for c in columns}) == len(columns)


LONG = {
    "words": "The cat sat on the mat with 3.14 dogs (and a bird), didn't it? " * 1600,
    "one letter": "a" * 100_000,
    "brackets": "([{<" * 25_000,
    "numbers": " ".join(map(str, range(20_000))),
    "links": "www.a@b." * 12_000,
    "entities": "&lt;<b " * 14_000,
    "Chinese": "猫坐在垫子上。" * 14_000,
}


@PARAMETERS
@pytest.mark.parametrize("text", LONG.values(), ids=LONG.keys())
def test_long_texts_take_no_age(scorer: Scorer, text: str) -> None:
    made = [pair(text, text[::-1]), pair(text, text), pair("short", text)]
    start = time.process_time()
    scorer.score(Batch.of(made))
    assert time.process_time() - start < 3
