from __future__ import annotations

from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from seqeval.metrics import f1_score, precision_score, recall_score

from xltpipe import __version__
from xltpipe.errors import DataError, RecipeError
from xltpipe.evaluation import SpanF1
from xltpipe.schemes import spans_from_tags
from xltpipe.types import Example, Score, Span

TEXT = "Amina Bello from Kano met Banco de España"
AMINA, BELLO, FULL = Span(0, 5, "PER"), Span(6, 11, "PER"), Span(0, 11, "PER")
KANO, KANO_ORG = Span(17, 21, "LOC"), Span(17, 21, "ORG")
BANCO, BANK, SPAIN = Span(26, 41, "ORG"), Span(26, 31, "ORG"), Span(35, 41, "ORG")


def score(gold: list[Span], predicted: list[Span], **spec: object) -> Score:
    metric = SpanF1.model_validate(spec).build({})
    a, b = (Example("1", "eng", (TEXT,), tuple(spans)) for spans in (gold, predicted))
    return metric.measure([a], [b])


@pytest.mark.parametrize(
    ("gold", "predicted", "strict", "partial"),
    [
        ([FULL, KANO, BANCO], [FULL, KANO, BANCO], 1.0, 1.0),
        ([FULL, KANO], [FULL, KANO_ORG], 1 / 2, 1 / 2),  # the right label is asked for
        ([FULL], [AMINA], 0.0, 1 / 2),
        ([FULL], [AMINA, BELLO], 0.0, 1 / 3),  # one to one: 2 * 0.5 / (2 + 1)
        ([BANK, SPAIN], [BANCO], 0.0, 1 / 3),
        ([FULL, KANO], [], 0.0, 0.0),
        ([], [KANO], 0.0, 0.0),
        ([FULL, AMINA], [FULL], 2 / 3, 2 / 3),  # nested: exact pairs are taken first
        ([FULL, FULL], [FULL], 1.0, 1.0),  # a set
    ],
)
def test_golden(gold: list[Span], predicted: list[Span], strict: float, partial: float) -> None:
    assert score(gold, predicted).value == pytest.approx(strict)
    assert score(gold, predicted, mode="partial").value == pytest.approx(partial)


def test_details_by_type() -> None:
    details = score([FULL, KANO, BANCO], [FULL, KANO_ORG, BANCO]).details
    assert details["precision"] == details["recall"] == details["f1"] == pytest.approx(2 / 3)
    assert (details["support"], details["predicted"], details["credit"]) == (3, 3, 2)
    assert details["f1:PER"] == 1
    assert (details["precision:ORG"], details["recall:ORG"]) == (0.5, 1)
    assert (details["recall:LOC"], details["support:LOC"], details["predicted:LOC"]) == (0, 1, 0)
    assert "precision:LOC" not in details  # 0 / 0


def test_longest_overlap_is_taken_first() -> None:
    gold = [Span(0, 5, "PER"), Span(6, 21, "PER")]
    result = score(gold, [Span(4, 21, "PER")], mode="partial")
    assert result.details["credit"] == 0.5


def test_labels_are_dropped_on_both_sides_and_named() -> None:
    result = score([FULL, KANO], [FULL, BANCO], labels=("PER", "LOC"))
    assert result.details["precision"] == 1
    assert result.details["recall"] == 0.5
    assert result.signature == (
        f"span_f1|mode:strict|avg:micro|lang:eng|n:1|types:LOC,PER|v:{__version__}"
    )


def test_signature_takes_the_context() -> None:
    metric = SpanF1(mode="partial").build({"test": "own", "seed": "1", "lang": "spa"})
    result = metric.measure([], [])
    assert result.signature == (
        f"span_f1|mode:partial|avg:micro|lang:spa|seed:1|test:own|n:0|types:all|v:{__version__}"
    )
    assert isnan(result.value)
    assert str(result).startswith(result.signature)


def test_second_text_is_another_place() -> None:
    gold = Example("1", "eng", ("ab", "ab"), (Span(0, 2, "X", 1),))
    predicted = Example("1", "eng", ("ab", "ab"), (Span(0, 2, "X", 0),))
    for mode in ("strict", "partial"):
        assert SpanF1(mode=mode).build({}).measure([gold], [predicted]).value == 0


def test_interval_holds_the_value_and_repeats() -> None:
    gold = [Example(str(i), "eng", (TEXT,), (FULL, KANO)) for i in range(60)]
    predicted = [
        Example(str(i), "eng", (TEXT,), (FULL, KANO)[: 1 + (i % 3 > 0)]) for i in range(60)
    ]
    metric = SpanF1().build({})
    result = metric.measure(gold, predicted)
    low, high = result.details["f1_low"], result.details["f1_high"]
    assert low < result.value < high
    assert high - low < 0.1
    assert metric.measure(gold, predicted) == result
    assert "f1_low" not in SpanF1(resamples=0).build({}).measure(gold, predicted).details


def test_interval_without_spans() -> None:
    result = score([], [])
    assert isnan(result.value)
    assert result.details == {"support": 0, "predicted": 0, "credit": 0}


@pytest.mark.parametrize(
    ("gold", "predicted", "match"),
    [
        (("1", TEXT), None, "must be one per gold example, was: 0 for 1"),
        (("1", TEXT), ("2", TEXT), "must have the id and texts of the gold one, was: '2'"),
        (("1", "मुंबई 🎉"), ("1", "मुंबई"), r"row 0.*predict on the gold"),
    ],
)
def test_other_examples_are_refused(
    gold: tuple[str, str], predicted: tuple[str, str] | None, match: str
) -> None:
    a = [Example(gold[0], "eng", (gold[1],))]
    b = [Example(predicted[0], "eng", (predicted[1],))] if predicted else []
    with pytest.raises(DataError, match=match):
        SpanF1().build({}).measure(a, b)


@pytest.mark.parametrize("context", [{"n": "3"}, {"": "x"}, {"a|b": "x"}, {"test": "a|b"}])
def test_context_must_be_readable(context: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="Signature part must be"):
        SpanF1().build(context)


@pytest.mark.parametrize("labels", [(), ("A,B",), ("",)])
def test_labels_must_be_readable(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="labels must be names"):
        SpanF1(labels=labels)


def sequences() -> st.SearchStrategy[list[tuple[list[str], list[str]]]]:
    tag = st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC"])
    pair = st.lists(st.tuples(tag, tag), min_size=1, max_size=9)
    return st.lists(pair.map(lambda rows: ([a for a, _ in rows], [b for _, b in rows])), max_size=8)


def example(row: int, tags: list[str]) -> Example:
    bounds = tuple((2 * i, 2 * i + 1) for i in range(len(tags)))
    spans, _ = spans_from_tags(tags, bounds, "bio")
    return Example(str(row), "eng", ("é " * len(tags),), tuple(spans), None, bounds)


@settings(deadline=None, max_examples=300)
@given(sequences())
def test_strict_equals_seqeval(pairs: list[tuple[list[str], list[str]]]) -> None:
    """seqeval's default reading repairs invalid BIO as conlleval does, and so do we."""
    gold, predicted = [a for a, _ in pairs], [b for _, b in pairs]
    details = SpanF1(resamples=0).build({}).measure(
        [example(i, tags) for i, tags in enumerate(gold)],
        [example(i, tags) for i, tags in enumerate(predicted)],
    ).details  # fmt: skip
    functions = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    if not any(tag != "O" for tags in (*gold, *predicted) for tag in tags):
        assert "f1" not in details
        return
    for name, function in functions.items():
        expected = function(gold, predicted, zero_division=0)
        assert details.get(name, 0) == pytest.approx(expected)
        types = sorted({tag[2:] for tags in (*gold, *predicted) for tag in tags if tag != "O"})
        by_type = function(gold, predicted, average=None, zero_division=0)
        for label, value in zip(types, by_type, strict=True):
            assert details.get(f"{name}:{label}", 0) == pytest.approx(value)


@settings(deadline=None, max_examples=100)
@given(sequences())
def test_partial_is_at_least_strict(pairs: list[tuple[list[str], list[str]]]) -> None:
    gold = [example(i, tags) for i, (tags, _) in enumerate(pairs)]
    predicted = [example(i, tags) for i, (_, tags) in enumerate(pairs)]
    strict, partial = (
        SpanF1(mode=mode, resamples=0).build({}).measure(gold, predicted).value
        for mode in ("strict", "partial")
    )
    assert isnan(strict) == isnan(partial)
    assert isnan(strict) or strict <= partial <= 1
