"""Rules: limits, reasons and their order, and that they let right translations pass."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.examples import Identity, example, unit
from tests.projection.toy_tools import ToyTools
from tests.quality.judging import judged
from xltpipe import stages
from xltpipe.datasets import Conll
from xltpipe.projection import Aligned
from xltpipe.quality import COLUMNS, GRAVITY, REASONS, Limits, Rules
from xltpipe.types import Example, Unit

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


def test_every_column_has_a_reason_a_range_and_a_rule_to_switch() -> None:
    assert list(Rules.model_fields) == list(COLUMNS) == list(REASONS)
    assert len(set(REASONS.values())) == len(REASONS)
    for column in COLUMNS.values():
        assert column.name.replace("_", "").isalnum() and column.name.islower()
        assert column.reason.replace("_", "").isalpha() and column.reason.islower()
        assert column.low < column.high
        assert column.meaning.endswith(".") and column.unit and column.source
        assert getattr(Rules(), column.name) == column.limits


def test_a_bad_row_gets_all_reasons_the_gravest_first() -> None:
    assert Rules().verdict({"copied": 0.1, "length_ratio": 1.1}) == ()
    bad = {"copied": 1.0, "length_ratio": 9.0, "spans_placed": 0.5}
    order = [REASONS[name] for name in COLUMNS if name in bad]
    assert list(Rules().verdict(bad)) == order
    assert len(order) == 3


def alone(name: str) -> Rules:
    """Only this rule, in the middle of the score's range."""
    column = COLUMNS[name]
    low, high = max(column.low, -10.0), min(column.high, 10.0)
    limits = {"min": low + (high - low) / 3, "max": high - (high - low) / 3}
    return Rules.model_validate(dict.fromkeys(COLUMNS, False) | {name: limits})


@pytest.mark.parametrize("name", list(COLUMNS))
def test_a_rule_alone(name: str) -> None:
    rules = alone(name)
    ((_, limits),) = rules.limits().items()
    assert limits.min is not None
    assert limits.max is not None
    for value, fails in [
        (limits.min - 0.01, True),
        (limits.min, False),
        (limits.max, False),
        (limits.max + 0.01, True),
        (nan, False),
    ]:
        assert rules.verdict({name: value}) == ((REASONS[name],) if fails else ())
    off = Rules.model_validate(dict.fromkeys(COLUMNS, False))
    assert off.verdict({name: 99.0}) == ()
    assert off.identity()[name] is None


def test_a_threshold_outside_the_range_of_its_score_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"copied must have thresholds in its range 0 to 1"):
        Rules.model_validate({"copied": {"max": 1.5}})
    with pytest.raises(ValidationError, match=r"length_ratio must .* was: -1"):
        Rules.model_validate({"length_ratio": {"min": -1}})


def test_scores_that_are_not_there_are_not_judged() -> None:
    assert Rules().verdict({}) == ()
    assert Rules().verdict({"of_the_future": 0.0, "copied": 1.0}) == ("untranslated",)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"min": 2.0, "max": 1.0}, "min must not be above max, was: 2.0 > 1.0"),
        ({"least": 2.0}, "Extra inputs are not permitted"),
        ({"min": nan}, "finite number"),
        ({"max": inf}, "finite number"),
        (True, "valid dictionary"),
        (0.5, "valid dictionary"),
    ],
)
def test_wrong_limits(limits: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Rules.model_validate({"copied": limits})


def test_limits_are_inclusive_and_open_where_not_set() -> None:
    assert Limits().holds(-inf)
    assert Limits(min=1).holds(inf)
    assert Limits(min=1, max=1).holds(1)
    assert not Limits(min=1).holds(0.999)


def rejected(units: list[Unit]) -> list[tuple[str, tuple[str, ...]]]:
    return [(u.target.texts[0], u.reasons) for u in judged(units) if u.reasons]


def test_right_translations_of_short_sentences_pass() -> None:
    lines = (SAMPLES / "parallel.eng-spa.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    assert len(pairs) == 60
    units = [unit(example(source), target) for source, target in pairs]
    assert len(rejected(units)) <= 1
    back = [unit(example(target, lang="spa"), source, "eng") for source, target in pairs]
    assert len(rejected(back)) <= 1


def test_right_labelled_sentences_pass() -> None:
    gold = list(Conll(path="ner.spa.test.conll").read("spa", SAMPLES))
    made = [Unit(Example(e.id, "eng", (e.texts[0] + "!",), (), None), e, e.texts) for e in gold]
    copies = {"untranslated", "identical", "similar", "wrong_source_language"}
    assert [row for row in rejected(made) if not copies >= set(row[1])] == []


def test_untranslated_sentences_do_not_pass() -> None:
    gold = list(Conll(path="ner.eng.dev.conll").read("eng", SAMPLES))
    units = [unit(e, e.texts[0]) for e in gold]
    projected = stages.project(units, Aligned().build(ToyTools(Identity())))
    assert len(rejected(projected)) > 0.8 * len(gold)


def test_every_column_has_its_place_by_gravity() -> None:
    assert sorted(GRAVITY) == sorted(COLUMNS)
    assert list(COLUMNS) == list(GRAVITY)
