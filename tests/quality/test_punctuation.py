"""Sentence ends and brackets."""

from __future__ import annotations

from math import isnan, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.quality.text_units import fails, one, pair, several
from xltpipe.quality.punctuation import Brackets, TerminalPunctuation


@pytest.mark.parametrize(
    ("source", "target", "faults"),
    [
        ("He left.", "Se fue.", 0),
        ("He left", "Se fue", 0),
        ("He left.", "Se fue", 1),
        ("He left?", "¿Se fue?", 0),
        ("He left?!", "¿Se fue...", 0),
        ("He left.", "他走了。", 0),
        ("He left? Yes!", "他走了？是的！", 0),
        ("He left.", "वह चला गया।", 0),
        ("Did he leave?", "هل غادر؟", 0),
        ("He left.", "Նա գնաց։", 0),
        ("It is 3.14 or e.g.this", "Es 3,14", 0),
        ("He left.", "Se fue. Sí. No. Ya.", 6),
        ("One. Two. Three. Four. Five.", "Uno. Dos. Tres. Cuatro. Cinco.", 0),
        ("One. Two. Three. Four.", "Uno. Dos.", 2),
        ("…", "", 1),
    ],
)
def test_terminal_punctuation(source: str, target: str, faults: float) -> None:
    assert one(TerminalPunctuation(), pair(source, target)) == pytest.approx(-log(1 + faults))


def test_the_rule_is_opusfilter_s() -> None:
    assert not fails(TerminalPunctuation(), pair("A.", "A. B. C. D."))
    assert fails(TerminalPunctuation(), pair("A.", "A. B. C. D. E."))
    assert not fails(TerminalPunctuation(), pair("A. " * 30, "B. " * 25))


def test_the_worst_text_counts() -> None:
    assert one(TerminalPunctuation(), several(("A.", "B"), ("A.", "B."))) == pytest.approx(-log(2))
    assert isnan(one(TerminalPunctuation(), several((), ())))


@given(source=st.integers(0, 9), target=st.integers(0, 9))
@settings(deadline=None)
def test_with_at_most_one_shared_end_it_is_opusfilter_s_formula(source: int, target: int) -> None:
    if min(source, target) <= 1:
        s, t = source, target
        penalty = abs(s - t) + max(0, s - 1) + max(0, t - 1)
        found = one(TerminalPunctuation(), pair("a. " * s, "b. " * t))
        assert found == pytest.approx(-log(1 + penalty))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("He (Bob) left", "Él (Bob) se fue", 0),
        ("He (Bob) left", "Él (Bob se fue", 1),
        ("He (Bob) left", "Él (Bob] se fue", 2),
        ("1) He left :(", "1) Se fue :(", 0),
        ("1) He left", "1) Se fue 2)", 1),
        ("He (Bob) left", "他（鲍勃)走了", 0),
        ("He reads War", "他读《战争", 1),
        ("He said so", "彼は「そうだ」と言った", 0),
        ("", "", 0),
    ],
)
def test_brackets(source: str, target: str, expected: int) -> None:
    assert one(Brackets(), pair(source, target)) == expected


def test_brackets_are_closed_in_their_text() -> None:
    assert one(Brackets(), several(("a", "b"), ("(a", "b)"))) == 2
