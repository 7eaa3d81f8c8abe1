"""Sequence: transfer and forgetting by hand-made numbers."""

from __future__ import annotations

from math import isnan, nan

import pytest

from xltpipe.cli import render
from xltpipe.compared.sequence import Test, learnt, of_results, sequence, told
from xltpipe.compared.transfer import Transfer, caption, document, grid
from xltpipe.errors import DataError

Stages = dict[tuple[int, Test], float]


def on(scores: dict[tuple[int, str], float]) -> Stages:
    """Every language has one test, called `own`."""
    return {(stage, (lang, "own")): value for (stage, lang), value in scores.items()}


TWO = on({(0, "kin"): 0.96, (0, "run"): 0.70, (1, "kin"): 0.88, (1, "run"): 0.93})
BETTER = on({(0, "kin"): 0.5, (0, "run"): 0.1, (1, "kin"): 0.52, (1, "run"): 0.6})


def test_two_languages() -> None:
    found = sequence(["kin", "run"], TWO)
    assert found.tests == (("kin", "own"), ("run", "own"))
    assert found.scores == ((0.96, 0.70), (0.88, 0.93))
    assert found.forgetting(0) == pytest.approx(0.08)
    assert found.forgetting(1) == 0.0
    assert found.transfer(1) == 0.70
    assert isnan(found.transfer(0))
    assert found.mean_forgetting == pytest.approx(0.08)


def test_what_came_later_may_help() -> None:
    assert sequence(["kin", "run"], BETTER).forgetting(0) == pytest.approx(-0.02)


def test_several_tests_of_a_language() -> None:
    scores: Stages = {
        (0, ("b", "x")): 0.1,
        (0, ("a", "news")): 0.8,
        (0, ("a", "web")): 0.6,
        (1, ("a", "web")): 0.5,
        (1, ("a", "news")): 0.4,
    }
    found = sequence(["a", "b"], scores)
    assert found.tests == (("a", "news"), ("a", "web"), ("b", "x"))
    assert found.mean_forgetting == pytest.approx((0.4 + 0.1) / 2)
    assert grid(Transfer({1: found}))[0] == ["after learning", "a news", "a web", "b"]


def test_what_was_not_measured_is_unknown() -> None:
    found = sequence(["a", "b", "c"], on({(0, "a"): 0.5, (2, "a"): 0.25, (1, "b"): 0.1}))
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
        sequence(languages, on(scores))


def result(lang: str, done: str, value: float) -> dict[str, object]:
    signature = f"accuracy|lang:{lang}|learnt:{done}|stage:{done.count('>')}|n:3"
    return {
        "lang": lang,
        "test": "own",
        "strategy": "sequential",
        "value": value,
        "signature": signature,
    }


def test_results_tell_their_stage() -> None:
    plain = {"strategy": "zero_shot", "lang": "run", "test": "own", "signature": "accuracy|n:3"}
    rows = [result("kin", "kin>run", nan), result("kin", "kin", 0.9), {**plain, "value": 0.1}]
    assert [learnt(str(row["signature"])) for row in rows] == [("kin", "run"), ("kin",), None]
    found = of_results(rows)
    assert found is not None
    assert found.languages == ("kin", "run")
    assert found.scores == ((0.9,), (0.0,))  # nothing was found, and nothing was to be found
    assert of_results(rows[2:]) is None
    names = [row["strategy"] for row in told(rows)]
    assert names == ["sequential kin>run", "sequential kin", "zero_shot"]


def test_over_seeds() -> None:
    two = Transfer(
        {1: sequence(["kin", "run"], TWO), 2: sequence(["kin", "run"], BETTER)}, (None, None, "gru")
    )
    assert two.score(0, 0).mean == pytest.approx(0.73)
    assert two.score(0, 0).deviation == pytest.approx(0.3252, abs=1e-4)
    assert str(two.mean_forgetting) == "0.0300 ± 0.0707"  # of each seed's own, not of the means
    assert caption(two) == "kin > run (gru), 2 seeds, mean forgetting 0.0300 ± 0.0707"
    plain = document(two)
    assert plain["tests"] == [["kin", "own"], ["run", "own"]]
    assert plain["transfer"][0] == [None, None]
    assert plain["forgetting"][1] == [0.0, 0.0]
    assert plain["seeds"] == [1, 2]
    # a seed that was stopped half way has no say
    stopped = sequence(["kin"], on({(0, "kin"): 0.1}))
    assert Transfer({1: sequence(["kin", "run"], TWO), 2: stopped}).score(0, 0).mean == 0.96


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    render.transfer(Transfer({1: sequence(["kin", "run"], TWO)}))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["kin", ">", "run,", "mean", "forgetting", "0.0800"],
        ["after", "learning", "kin", "run"],
        ["kin", "0.9600", "0.7000"],
        ["run", "0.8800", "0.9300"],
        ["transfer", "0.7000"],
        ["forgetting", "0.0800", "0.0000"],
    ]
