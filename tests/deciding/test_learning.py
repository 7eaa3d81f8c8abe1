"""Learning: what tells good rows from bad is found, and the threshold keeps its promise."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from xltpipe.deciding.learning import CLEAN, Rows, fit, learn
from xltpipe.deciding.synthetic import joined
from xltpipe.errors import DataError, MissingExtraError


def rows(size: int = 600, seed: int = 1) -> Rows:
    """Clean rows have a ratio near 1; one kind is too short, one too long, one lacks a score."""
    random = np.random.default_rng(seed)
    kinds = [(CLEAN, CLEAN, CLEAN, "short", "long", "gone")[n % 6] for n in range(size)]
    ratio, margin = random.normal(1, 0.1, size), random.normal(0.8, 0.05, size)
    for n, kind in enumerate(kinds):
        ratio[n] += {"short": -0.7, "long": 0.9}.get(kind, 0)
        margin[n] = np.nan if kind == "gone" else margin[n]
    noise = random.normal(0, 1, size)
    scores = {"ratio": ratio, "margin": margin, "noise": noise, "same": np.ones(size)}
    return Rows(scores, [f"r{n}" for n in range(size)], kinds)


def shares(kinds: Sequence[str], found: object) -> dict[str, float]:
    return {c.kind: c.dropped / c.rows for c in found.caught if c.rows}


def test_both_sides_and_what_is_missing_are_learnt() -> None:
    found = learn(rows(), seed=1, false_alarms=0.02, signature={"run": "x"})
    dropped = shares(rows().kinds, found)
    assert dropped[CLEAN] <= 0.1  # 4 of 55
    assert min(dropped["short"], dropped["long"], dropped["gone"]) >= 0.95
    terms = {t.column: t for t in found.model.terms}
    assert "same" not in terms, "a score that is always the same says nothing"
    assert terms["ratio"].below < 0 > terms["ratio"].above
    assert terms["margin"].missing < 0
    assert max(abs(terms["noise"].below), abs(terms["noise"].above)) < abs(terms["ratio"].below)


def test_the_threshold_drops_the_share_that_was_asked() -> None:
    given = rows(6000)
    for share in (0.0, 0.05, 0.3):
        found = [learn(given, seed=n, false_alarms=share, signature={}) for n in range(4)]
        dropped = [shares(given.kinds, f)[CLEAN] for f in found]
        assert np.mean(dropped) == pytest.approx(share, abs=0.02)


def test_the_signature_tells_rows_seed_and_versions() -> None:
    found = learn(rows(), seed=7, false_alarms=0.02, signature={"run": "x"})
    assert found.model.signature["run"] == "x"
    assert found.model.signature["rows"] == 600
    assert found.model.signature["seed"] == 7
    assert {"xltpipe", "sklearn"} <= set(found.model.signature)


def test_one_row_more_or_less_leaves_the_others_where_they_are() -> None:
    """Rows are parted by id alone: a row that was learnt from never comes to be reported on."""
    whole = learn(rows(), seed=1, false_alarms=0.02, signature={})
    again = learn(rows(), seed=1, false_alarms=0.02, signature={})
    assert whole == again


@pytest.mark.parametrize("kinds", [[CLEAN] * 30, ["bad"] * 30, [CLEAN] * 25 + ["bad"] * 5])
def test_too_few_rows_are_told(kinds: list[str]) -> None:
    given = Rows({"a": np.arange(30.0)}, [str(n) for n in range(30)], kinds)
    with pytest.raises(DataError, match="at least 10 good and 10 bad rows"):
        learn(given, seed=1, false_alarms=0.1, signature={})


def test_scores_must_differ() -> None:
    with pytest.raises(DataError, match="a score that differs"):
        fit({"a": np.ones(20), "b": np.full(20, np.nan)}, np.arange(20) % 2 == 0)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match=r"xltpipe\[suggest\]"):
        fit({"a": np.arange(20.0)}, np.arange(20) % 2 == 0)


def test_rows_of_languages_with_other_scores_join() -> None:
    one = Rows({"a": np.ones(2)}, ["x", "y"], [CLEAN, "bad"])
    other = Rows({"b": np.zeros(1)}, ["z"], [CLEAN])
    both = joined([one, other])
    assert both.ids == ["x", "y", "z"]
    assert np.isnan(both.scores["a"][2])
    assert np.isnan(both.scores["b"][:2]).all()
