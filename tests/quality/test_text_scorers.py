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


@PARAMETERS
@given(rows=st.lists(text_units.units(), max_size=6))
@settings(max_examples=60, deadline=None)
def test_each_row_is_scored_alone(scorer: Scorer, rows: list[Unit]) -> None:
    together = scorer.score(Batch.of(rows))
    assert len(together) == len(scorer.columns)
    for column, values in zip(scorer.columns, together, strict=True):
        assert values.dtype == np.float64
        assert values.shape == (len(rows),)
        known = values[~np.isnan(values)]
        assert ((known >= column.low) & (known <= column.high)).all()
    for number, row in enumerate(rows):
        alone = scorer.score(Batch.of([row]))
        for values, single in zip(together, alone, strict=True):
            np.testing.assert_array_equal(values[number], single[0])


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
