"""What a progress artifact says, and what it must not do; the artifacts: tests/flows/test_runs.py."""

from __future__ import annotations

import logging

import pytest

from tasks import showing
from tasks.showing import Bar, Bars, key


def test_keys_are_what_prefect_takes() -> None:
    assert key("my_Run.1-0a1b2c3d", "summary") == "my-run-1-0a1b2c3d-summary"


@pytest.mark.parametrize(
    ("done", "total", "seconds", "percent", "words"),
    [
        (0, 50, 0, 0.0, "translate: 0 of 50 rows, 0 rows/s"),
        (500, 2000, 10, 25.0, "translate: 500 of 2,000 rows, 50 rows/s, about 30 s left"),
        (2000, 2000, 10, 100.0, "translate: 2,000 of 2,000 rows, 200 rows/s"),
        (2001, 2000, 10, 100.0, "translate: 2,001 of 2,000 rows, 200 rows/s"),
    ],
)
def test_a_bar_says_rows_rate_and_time_left(
    done: int, total: int, seconds: float, percent: float, words: str
) -> None:
    bar = Bar(began=100.0, total=total, done=done)
    assert bar.percent == percent
    assert bar.words("translate", 100.0 + seconds) == words


def test_a_server_that_is_away_stops_the_bars_and_not_the_run(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(showing, "create_progress_artifact", away)
    bars = Bars("run-1")
    bars.expect("translate", 10)
    bars.tick("translate", 3)
    with caplog.at_level(logging.WARNING):
        assert not bars.send()
    assert "progress is not shown any more: ConnectionError: nobody there" in caplog.text


def test_a_stage_that_is_over_before_it_was_looked_at_shows_no_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[object] = []
    monkeypatch.setattr(showing, "create_progress_artifact", lambda *args: made.append(args))
    bars = Bars("run-1")
    bars.expect("judge", 10)
    bars.tick("judge", 10)
    bars.tick("train", 5)  # nobody said how many
    assert bars.send()
    assert made == []
