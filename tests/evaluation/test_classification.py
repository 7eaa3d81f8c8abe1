from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from xltpipe import __version__
from xltpipe.errors import DataError
from xltpipe.evaluation import Classification
from xltpipe.evaluation.statistics import interval_of
from xltpipe.types import Example, Score

ROWS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.sampled_from(["A", "B", "D", None])), min_size=1
)


def score(rows: list[tuple[str | None, str | None]], **spec: object) -> Score:
    gold = [Example(str(i), "spa", ("t",), label=a) for i, (a, _) in enumerate(rows)]
    predicted = [Example(str(i), "spa", ("t",), label=b) for i, (_, b) in enumerate(rows)]
    return Classification.model_validate(spec).build({"test": "x"}).measure(gold, predicted)


def test_golden() -> None:
    # A: 1 of 2 predicted, 1 of 2 gold; B: 1 of 2, 1 of 1; C: never predicted
    result = score([("A", "A"), ("A", "B"), ("B", "B"), ("C", "A")])
    assert result.name == "accuracy"
    assert result.value == 0.5
    assert result.details["macro_f1"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert (result.details["precision:B"], result.details["recall:B"]) == (0.5, 1)
    assert (result.details["support:C"], result.details["predicted:C"]) == (1, 0)
    assert "precision:C" not in result.details  # 0 / 0
    assert result.details["accuracy_low"] < 0.5 < result.details["accuracy_high"]
    assert result.signature == f"accuracy|lang:spa|test:x|n:4|labels:3|v:{__version__}"


def test_no_prediction_is_wrong_and_no_label_of_its_own() -> None:
    result = score([("A", None), ("A", "A")], main="macro_f1")
    assert result.details["accuracy"] == 0.5
    assert result.value == pytest.approx(2 / 3)
    assert {name for name in result.details if name.startswith("f1:")} == {"f1:A"}


def test_labels_are_not_taken_for_the_interval() -> None:
    rows = [("risk_low", "risk_low"), ("risk_high", "risk_low")]
    assert interval_of(score(rows, resamples=0)) is None
    found = score(rows)
    assert interval_of(found) == (found.details["accuracy_low"], found.details["accuracy_high"])


def test_gold_without_label_is_refused() -> None:
    with pytest.raises(DataError, match=r"must have a label, was: none \(id '1'\)"):
        score([("A", "A"), (None, "A")])


@settings(deadline=None, max_examples=60)
@given(ROWS)
def test_equals_scikit_learn(rows: list[tuple[str, str | None]]) -> None:
    details = score(rows, resamples=0).details
    gold, guess = [a for a, _ in rows], [b or "none" for _, b in rows]
    labels = sorted({*gold, *guess} - {"none"})
    assert details["accuracy"] == pytest.approx(accuracy_score(gold, guess))
    macro = f1_score(gold, guess, labels=labels, average="macro", zero_division=0)
    assert details["macro_f1"] == pytest.approx(macro)
    each = precision_recall_fscore_support(gold, guess, labels=labels, zero_division=0)
    for name, values in zip(("precision", "recall", "f1", "support"), each, strict=True):
        for label, value in zip(labels, values, strict=True):
            assert details.get(f"{name}:{label}", 0) == pytest.approx(value)
