"""Sequence: transfer and forgetting by hand-made numbers."""

from __future__ import annotations

from math import isnan

import pytest

from xltpipe.cli import matrix_tables
from xltpipe.compared.sequence import sequence
from xltpipe.errors import DataError

TWO = {(0, "kin"): 0.96, (0, "run"): 0.70, (1, "kin"): 0.88, (1, "run"): 0.93}


def test_two_languages() -> None:
    found = sequence(["kin", "run"], TWO)
    assert found.scores == ((0.96, 0.70), (0.88, 0.93))
    assert found.forgetting(0) == pytest.approx(0.08)
    assert found.forgetting(1) == 0.0
    assert found.transfer(1) == 0.70
    assert isnan(found.transfer(0))
    assert found.mean_forgetting == pytest.approx(0.08)


def test_what_came_later_may_help() -> None:
    assert sequence(["a", "b"], TWO_BETTER).forgetting(0) == pytest.approx(-0.02)


TWO_BETTER = {(0, "a"): 0.5, (0, "b"): 0.1, (1, "a"): 0.52, (1, "b"): 0.6}


def test_what_was_not_measured_is_unknown() -> None:
    found = sequence(["a", "b", "c"], {(0, "a"): 0.5, (2, "a"): 0.25})
    assert found.forgetting(0) == 0.25
    assert isnan(found.forgetting(1))
    assert isnan(found.mean_forgetting)
    assert isnan(sequence(["a"], {}).mean_forgetting)


@pytest.mark.parametrize(
    ("languages", "scores", "message"),
    [
        ([], {}, "at least one, was: "),
        (["a", "a"], {}, "each be learnt once, at least one, was: a, a"),
        (["a"], {(1, "a"): 0.1}, "was: stage 1 on a"),
        (["a"], {(0, "b"): 0.1}, "was: stage 0 on b"),
    ],
)
def test_strange_scores_are_refused(
    languages: list[str], scores: dict[tuple[int, str], float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        sequence(languages, scores)


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    matrix_tables.transfer(sequence(["kin", "run"], TWO))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["after", "learning", "kin", "run"],
        ["kin", "0.9600", "0.7000"],
        ["run", "0.8800", "0.9300"],
        ["forgetting", "0.0800", "0.0000"],
    ]
