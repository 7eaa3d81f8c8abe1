"""Deciding: counts from SQL are those of the rules on the stored scores, row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isnan
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tests.deciding.deciding_run import LEAST, decided
from xltpipe.catalogue import connect
from xltpipe.deciding import Decision, decision, effects, sql
from xltpipe.deciding.border import border
from xltpipe.deciding.percentile import loosest, percentiles
from xltpipe.deciding.rules import changed, replaced
from xltpipe.errors import DataError, RecipeError
from xltpipe.quality import COLUMNS, Rules
from xltpipe.quality.column import Limits
from xltpipe.quality.combination import Model, Term
from xltpipe.reporting.run import Run, find


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deciding")
    decided(folder)
    return folder


@pytest.fixture
def connection(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    from xltpipe.store import Store

    with connect(Store(home / "store")) as opened:
        yield opened


@pytest.fixture
def run(connection: duckdb.DuckDBPyConnection) -> Run:
    return find(connection, "toy")


def stored(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    names = ["id", "reason", "reasons", "scores"]
    rows = connection.execute(f"SELECT {', '.join(names)} FROM units").fetchall()  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in rows]


def failing(row: dict[str, object], rules: Rules) -> list[str]:
    scores = row["scores"]
    return [
        name
        for name, limits in rules.limits().items()
        if not limits.holds(float("nan") if scores.get(name) is None else scores[name])
    ]


CHANGES = [
    (),
    ("target_words.min=13",),
    ("target_words=false",),
    ("target_words.min=12", "target_words.max=14", "spans_placed.min=0.5"),
    ("target_words.min=off", "length_ratio.max=0.5"),
]


@pytest.mark.parametrize("changes", CHANGES)
def test_counts_are_those_of_the_rules_row_by_row(
    connection: duckdb.DuckDBPyConnection, run: Run, changes: tuple[str, ...]
) -> None:
    done = decision(run, None, changes)
    found = effects(connection, run.id, done)
    rows = stored(connection)
    fails = [failing(row, done.rules) for row in rows]
    assert len(rows) == 60
    for name in found.limits:
        assert found.of(name) == (
            sum(name in f for f in fails),
            sum(f == [name] for f in fails),
        )
    (part,) = found.parts
    assert (part.rows, part.kept, part.quarantined) == (60, sum(not f for f in fails), 0)
    before = [row["reason"] is None for row in rows]
    assert part.gained == sum(not f and not b for f, b in zip(fails, before, strict=True))
    assert part.lost == sum(bool(f) and b for f, b in zip(fails, before, strict=True))
    assert part.rows == part.kept + part.rejected + part.quarantined


def test_own_rules_change_nothing(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    found = effects(connection, run.id, decision(run))
    assert not found.changed
    assert found.of("target_words") == (10, 10)
    assert found.parts[0].rejected == 10


def test_rows_at_the_border_are_the_nearest(
    connection: duckdb.DuckDBPyConnection, run: Run
) -> None:
    found = border(connection, run.id, decision(run), 3, COLUMNS)
    here = [n for n in found if n.column == "target_words"]
    scores = [row["scores"]["target_words"] for row in stored(connection)]
    outside = sorted((s for s in scores if s < LEAST), reverse=True)[:3]
    inside = sorted(s for s in scores if s >= LEAST)[:3]
    assert [n.score for n in here if not n.inside] == outside
    assert [n.score for n in here if n.inside] == inside
    assert {n.column for n in found} == {"target_words"}, "no other rule fails any row"
    assert all(n.reasons == (() if n.inside else ("empty",)) for n in here)
    assert all(n.source["texts"] == n.target["texts"] for n in here)
    assert border(connection, run.id, decision(run), 3, COLUMNS) == found
    assert border(connection, run.id, decision(run), 0, COLUMNS) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("length_ratio", "must be like length_ratio.max=2.5"),
        ("=3", "must be like"),
        ("copied.most=1", "must be like"),
        ("copied.max=3", "copied must have thresholds in its range 0 to 1"),
        ("copied.max=many", r"copied\.max"),
        ("copied.max=nan", r"copied\.max.*finite"),
        ("copied=5", "copied: must be a table"),
        ("copyed.max=1", "did you mean 'copied'"),
    ],
)
def test_wrong_changes_are_told(change: str, words: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){words}"):
        changed(Rules(), [change])


def test_a_change_keeps_the_other_edge() -> None:
    rules = changed(Rules(), ["length_ratio.max=2.5"])
    assert rules.limits()["length_ratio"] == Limits(min=1 / 3, max=2.5)
    assert "length_ratio" not in changed(Rules(), ["length_ratio=false"]).limits()
    assert changed(Rules(), ["length_ratio.min=off"]).limits()["length_ratio"] == Limits(max=3.0)


def test_a_rule_without_scores_is_named(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    rows = stored(connection)
    never = [n for n in COLUMNS if all(row["scores"].get(n) is None for row in rows)]
    name = next(n for n in never if COLUMNS[n].high > 0)
    rules = replaced(decision(run).rules, {name: Limits(min=COLUMNS[name].low)})
    found = effects(connection, run.id, Decision(rules))
    assert name in found.unscored
    assert name not in found.limits


def test_sql_and_numpy_combine_alike(connection: duckdb.DuckDBPyConnection, run: Run) -> None:
    terms = [("target_words", 11, 2.5, -1.2, 0.3), ("length_ratio", 0.99, 0.01, 1.0, -0.7)]
    model = Model(
        terms=tuple(
            Term(column=c, center=m, scale=s, below=b, above=a, missing=0.4)
            for c, m, s, b, a in terms
        ),
        intercept=0.2,
        most=4,
        threshold=0.5,
        false_alarms=0.1,
    )
    names = list(model.columns)
    found = sql.expressions(connection, None)
    asked = ", ".join([found[names[0]], found[names[1]], sql.combined(model, found)])
    rows = np.array(connection.execute(f"SELECT {asked} FROM units").fetchall(), float)  # noqa: S608
    ours = model.combined({names[0]: rows[:, 0], names[1]: rows[:, 1]})
    assert not any(map(isnan, ours))
    assert rows[:, 2] == pytest.approx(ours, abs=1e-12)
    assert len(set(np.round(ours, 6))) > 3


@pytest.mark.parametrize("percent", [1.0, 5.0, 20.0, 45.0])
def test_percentiles_drop_no_more_than_asked(
    connection: duckdb.DuckDBPyConnection, run: Run, percent: float
) -> None:
    own = decision(run).rules.limits()
    found = percentiles(connection, run.id, percent, own)
    assert found or percent < 5
    for t in found:
        assert 0 < t.drops <= percent / 100 * t.rows
        column = COLUMNS[t.column]
        assert column.low <= t.value <= column.high
        assert not any(
            rule is not None and (rule.min == column.high or rule.max == column.low)
            for rule in (own.get(t.column), column.limits, column.usual)
        )
    counted = effects(connection, run.id, Decision(replaced(Rules(), loosest(found))))
    for t in found:
        if sum(o.column == t.column for o in found) == 1:
            assert counted.of(t.column)[0] == t.drops


@pytest.mark.parametrize("percent", [0, -1, 50, 100])
def test_percentile_must_be_small(
    connection: duckdb.DuckDBPyConnection, run: Run, percent: float
) -> None:
    with pytest.raises(RecipeError, match="between 0 and 50"):
        percentiles(connection, run.id, percent, {})


def test_run_of_another_version_needs_a_recipe(run: Run) -> None:
    from dataclasses import replace

    with pytest.raises(RecipeError, match="name a recipe"):
        decision(replace(run, recipe=None))


def test_labelled_rows_are_read(tmp_path: Path) -> None:
    from xltpipe.deciding.labelled import read

    file = tmp_path / "rows.jsonl"
    file.write_text('{"id": "a", "ok": true}\n\n{"id": "b", "ok": false, "lang": "spa"}\n')
    assert read(file) == {("a", None): True, ("b", "spa"): False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one"),
        ("nope", "must be JSON.*line 1"),
        ('{"id": "a", "ok": 1}', "must be like.*line 1"),
        ('{"id": 7, "ok": true}', "must be like"),
        ('{"id": "a", "ok": true}\n{"id": "a", "ok": false}', "was: both.*line 2"),
        ("[1]", "must be like"),
    ],
)
def test_wrong_labelled_rows_are_told(tmp_path: Path, text: str, words: str) -> None:
    from xltpipe.deciding.labelled import read

    file = tmp_path / "rows.jsonl"
    file.write_text(text)
    with pytest.raises(DataError, match=words):
        read(file)
    with pytest.raises(DataError, match="UTF-8 file"):
        read(tmp_path / "none.jsonl")


def test_labelled_scores_come_from_the_run(
    connection: duckdb.DuckDBPyConnection, run: Run, home: Path, tmp_path: Path
) -> None:
    """Rows that a person finds short are learnt to be bad: the stored words tell."""
    from xltpipe.deciding.suggestion import learnt
    from xltpipe.store import Store

    rows = stored(connection)
    file = tmp_path / "rows.jsonl"
    lines = [{"id": r["id"], "ok": r["scores"]["target_words"] >= LEAST} for r in rows]
    lines.append({"id": "not-there", "ok": True})
    file.write_text("\n".join(map(json.dumps, lines)))
    found = learnt(connection, Store(home / "store"), run, file, seed=1, false_alarms=0.05)
    bad = next(c for c in found.caught if c.kind == "bad")
    assert bad.rows == bad.dropped > 0
    assert found.model.signature["from"] == "labelled"
    assert found.model.signature["rows"] == 60
    with pytest.raises(DataError, match="no known id"):
        file.write_text('{"id": "x", "ok": true}')
        learnt(connection, Store(home / "store"), run, file, seed=1, false_alarms=0.05)


def test_synthetic_faults_are_scored_and_learnt(
    connection: duckdb.DuckDBPyConnection, run: Run, home: Path
) -> None:
    from xltpipe.deciding.suggestion import learnt
    from xltpipe.store import Store

    store = Store(home / "store")
    found = learnt(connection, store, run, None, seed=1, false_alarms=0.05)
    caught = {c.kind: c for c in found.caught}
    assert caught["dropped_span"].rows > 0
    assert caught["dropped_span"].dropped == caught["dropped_span"].rows
    assert "unlabelled_span" not in caught
    assert found == learnt(connection, store, run, None, seed=1, false_alarms=0.05)
    other = learnt(connection, store, run, None, seed=2, false_alarms=0.05)
    assert other.model != found.model
