"""Rules: limits, reasons and their order, and that they let right translations pass."""

from __future__ import annotations

from math import inf, nan
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.examples import Identity, example, unit
from tests.projection.toy_tools import ToyTools
from xltpipe import stages
from xltpipe.datasets import Conll
from xltpipe.projection import Aligned
from xltpipe.quality import REASONS, SCORERS, Limits, Rules, scorers
from xltpipe.types import Example, Unit

SAMPLES = Path(__file__).parents[2] / "data" / "samples"

GOOD = {
    "spans_placed": 1.0,
    "target_words": 5.0,
    "copied": 0.1,
    "length_ratio": 1.1,
    "target_language": 0.99,
    "truncated": 0.0,
    "marker_residue": 0.0,
    "span_case": 1.0,
}


def test_every_scorer_has_a_rule_with_a_default_and_a_reason() -> None:
    assert list(Rules.model_fields) == list(SCORERS) == list(REASONS) == list(scorers())
    assert [name for name in SCORERS if not isinstance(getattr(Rules(), name), Limits)] == [
        "span_case"  # off by default: see its docstring
    ]
    assert len(set(REASONS.values())) == len(REASONS)
    assert all(
        reason.replace("_", "").isalpha() and reason.islower() for reason in REASONS.values()
    )
    assert GOOD.keys() == SCORERS.keys()


def test_a_good_row_passes_and_a_bad_one_gets_all_reasons_in_order() -> None:
    assert Rules().verdict(GOOD) == ()
    bad = {"spans_placed": 0.5, "target_words": 0, "copied": 1.0, "length_ratio": 9.0}
    bad |= {"target_language": 0.1, "truncated": 1.0, "marker_residue": 2.0}
    bad |= {"span_case": 0.0}
    rules = Rules(span_case=Limits(min=1.0))
    assert rules.verdict(dict(reversed(bad.items()))) == tuple(REASONS.values())


@pytest.mark.parametrize("name", list(SCORERS))
def test_a_rule_alone(name: str) -> None:
    rules = Rules.model_validate({name: {"min": 2, "max": 3}})
    for value, reasons in [(1.9, (REASONS[name],)), (2, ()), (3, ()), (3.1, (REASONS[name],))]:
        assert rules.verdict(GOOD | {name: value}) == reasons
    assert rules.verdict(GOOD | {name: nan}) == ()
    off = Rules.model_validate({name: False})
    assert off.verdict(GOOD | {name: 99.0}) == ()
    assert off.identity()[name] is None


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
    judged, _ = stages.judge(units, scorers(), Rules().verdict)
    return [(u.target.texts[0], u.reasons) for u in judged if u.reasons]


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
    wrong = [row for row in rejected(made) if row[1] != ("untranslated",)]
    assert wrong == []


def test_untranslated_sentences_do_not_pass() -> None:
    gold = list(Conll(path="ner.eng.dev.conll").read("eng", SAMPLES))
    units = [unit(e, e.texts[0]) for e in gold]
    projected = stages.project(units, Aligned().build(ToyTools(Identity())))
    assert len(rejected(projected)) > 0.8 * len(gold)
