from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, label_ranking_average_precision_score

from xltpipe.evaluation import Retrieval
from xltpipe.evaluation.retrieval import average_precision, reciprocal_rank
from xltpipe.types import Example, Span


@pytest.mark.parametrize(
    ("hits", "relevant", "k", "ap", "rr"),
    [
        ([1, 0, 1, 0, 0, 1], 3, None, (1 + 2 / 3 + 3 / 6) / 3, 1),  # Manning et al., ch. 8
        ([0, 1, 0], 1, 10, 1 / 2, 1 / 2),
        ([0, 0, 1], 1, 2, 0, 0),
        ([1, 1], 5, 2, 1, 1),  # all that fits
        ([1, 0], 5, 2, 1 / 2, 1),
        ([], 2, 3, 0, 0),
        ([1], 4, 10, 1 / 4, 1),
    ],
)
def test_golden(hits: list[int], relevant: int, k: int | None, ap: float, rr: float) -> None:
    told = [bool(hit) for hit in hits]
    assert average_precision(told, relevant, k) == pytest.approx(ap)
    assert reciprocal_rank(told, k) == pytest.approx(rr)


def test_nothing_relevant() -> None:
    assert isnan(average_precision([False], 0))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.booleans(), min_size=2).filter(any))
def test_equals_scikit_learn(hits: list[bool]) -> None:
    """All items ranked, no ties: the k is the whole list."""
    scores = -np.arange(len(hits), dtype=float)
    mine = average_precision(hits, sum(hits), len(hits))
    assert mine == pytest.approx(average_precision_score(hits, scores))
    assert mine == pytest.approx(label_ranking_average_precision_score([hits], [scores]))


def test_spans_as_a_ranking() -> None:
    a, b, c = (Span(n, n + 1, "answer", 1) for n in range(3))
    rows = [((a,), (b, a)), ((a, b), (a, c, b)), ((), (a,)), ((a,), (b, b, a))]
    gold = [Example(str(i), "eng", ("?", "abc"), g) for i, (g, _) in enumerate(rows)]
    guess = [Example(str(i), "eng", ("?", "abc"), p) for i, (_, p) in enumerate(rows)]
    result = Retrieval(k=2).build({}).measure(gold, guess)
    assert result.name == "map@2"
    assert result.value == pytest.approx((1 / 2 + 1 / 2 + 1 / 2) / 3)  # said twice is one item
    assert result.details["mrr"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert (result.details["queries"], result.details["unanswerable"]) == (3, 1)
    assert Retrieval(main="mrr").build({}).measure(gold, guess).name == "mrr@10"
    assert "|k:2|ideal:min(relevant,k)|" in f"|{result.signature}|"
