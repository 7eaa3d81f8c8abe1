"""Comparison: cells run step by step, recorded, summarised, and shown in all places."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import pytest

from tests.compared_recipe import MARKERS, XML, matrix_recipe, run_missing
from xltpipe.catalogue import query, refresh
from xltpipe.cli import matrix_tables
from xltpipe.cli.matrix_page import page
from xltpipe.compared import comparison
from xltpipe.compared.comparison import Comparison
from xltpipe.compared.results import statistics
from xltpipe.compared.summary import Row, summarise
from xltpipe.evaluation.significance import Significance, randomisation
from xltpipe.matrix import Baseline
from xltpipe.recipe import Recipe
from xltpipe.store import Store

MATRIX = {
    "seeds": [1, 2, 3],
    "subsample": 0.8,
    "projections": [MARKERS, XML],
    "baseline": "zero_shot",
    "rounds": 199,
}
Whole = tuple[Recipe, Store, Comparison, list[Row]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("matrix")
    strategies = ["zero_shot", "translate_train", "translate_test"]
    recipe = matrix_recipe(
        home, MATRIX | {"strategies": strategies, "projections": [MARKERS]}, name="m"
    )
    store = Store(home / "store")
    found = run_missing(store, recipe)
    rows = found.rows(store)
    comparison.write(store, found, "completed", rows)
    refresh(store)
    return recipe, store, found, rows


def test_mean_and_deviation_are_those_of_the_recorded_scores(whole: Whole) -> None:
    _, store, _, rows = whole
    told = query(store, "SELECT strategy, value FROM comparison WHERE value IS NOT NULL")
    for row in rows:
        values = [r["value"] for r in told.to_pylist() if r["strategy"] == row.strategy]
        assert len(values) == 3
        assert row.mean == pytest.approx(mean(values))
        assert row.deviation == pytest.approx(stdev(values))


def test_differences_are_from_the_baseline(whole: Whole) -> None:
    _, _, _, rows = whole
    zero, other = rows
    assert zero.strategy == "zero_shot"
    assert zero.baseline
    assert zero.difference is None
    assert other.difference is not None
    assert other.difference.value == pytest.approx(other.mean - zero.mean)
    assert other.difference.low <= other.difference.value <= other.difference.high
    assert other.difference.holm == other.difference.p  # one difference needs no adjusting


def test_a_row_is_tested_against_no_other_trainers_baseline(whole: Whole) -> None:
    """Nor against another projector's, unless the baseline names it."""
    _, store, found, _ = whole
    zero, other = (
        [r for results in found.found.values() for r in results if r.cell.strategy == strategy]
        for strategy in ("zero_shot", "translate_train")
    )

    def told(projection: str | None, training: str, named: str | None = None) -> str | None:
        given = [
            *(replace(r, cell=replace(r.cell, strategy="few_shot", projection="xml")) for r in zero),
            *(replace(r, cell=replace(r.cell, projection=projection, training=training)) for r in other),
        ]  # fmt: skip
        baseline = Baseline(strategy="few_shot", training=named)
        rows = summarise(given, baseline, partial(statistics, store), 19)
        assert rows[0].baseline
        assert (rows[1].difference is None) == (rows[1].untested is not None)
        return rows[1].untested

    assert told("xml", "crf") is None
    assert told(None, "crf") is None
    assert told("letters", "crf") == "its baseline has no score"
    assert told("xml", "tfidf") == "its baseline has no score"
    assert told("xml", "tfidf", named="crf") is None


def test_differences_are_adjusted_together_and_shares_are_of_the_upper_bound(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, store, found, _ = whole
    chances = iter([0.04, 0.01, 0.02])  # so few examples tell nothing: all would be 1

    def told(*given: Any) -> Significance:
        return replace(randomisation(*given), p=next(chances))

    monkeypatch.setattr("xltpipe.compared.summary.randomisation", told)
    zero, other = (
        [r for results in found.found.values() for r in results if r.cell.strategy == strategy]
        for strategy in ("zero_shot", "translate_train")
    )
    given = [
        *zero,
        *other,
        *(replace(r, cell=replace(r.cell, strategy="control")) for r in zero),
        *(replace(r, cell=replace(r.cell, strategy="supervised", projection=None, filter=None),
                  score=replace(r.score, value=r.score.value / 2)) for r in other),
    ]  # fmt: skip
    rows = summarise(given, Baseline(strategy="zero_shot"), partial(statistics, store), 199)
    tested = [row.difference for row in rows if row.difference is not None]
    assert len(tested) == 3
    assert [one.holm for one in tested] == [pytest.approx(p) for p in (0.04, 0.03, 0.04)]
    upper = rows[-1]
    assert upper.share is None
    shares = [row.mean / upper.mean for row in rows[:-1]]
    assert [row.share for row in rows[:-1]] == [pytest.approx(share) for share in shares]
    assert shares[1] == pytest.approx(2)


def test_another_look_finds_everything_recorded(whole: Whole) -> None:
    recipe, store, found, _ = whole
    again = comparison.begin(store, recipe)
    assert again.id == found.id
    assert again.missing == []
    assert again.taken == 6


def test_one_more_seed_is_all_that_is_missing(whole: Whole) -> None:
    recipe, store, found, _ = whole
    assert recipe.matrix is not None
    wider = recipe.matrix.model_copy(update={"seeds": (1, 2, 3, 4)})
    more = comparison.begin(store, recipe.model_copy(update={"matrix": wider}))
    assert more.id != found.id
    assert [(c.strategy, c.seed) for c in more.missing] == [
        ("zero_shot", 4),
        ("translate_train", 4),
    ]


def test_damaged_or_unfinished_cells_are_run_again(whole: Whole, tmp_path: Path) -> None:
    recipe, _, _, _ = whole
    one = recipe.matrix.model_copy(update={"seeds": (1,), "strategies": ("zero_shot",)})  # type: ignore[union-attr]
    alone = recipe.model_copy(update={"matrix": one})
    store = Store(tmp_path / "store")
    found = run_missing(store, alone)
    (results,) = found.found.values()
    folder, (gold,) = store.folder(results[0].shard), results[0].gold
    part = folder / results[0].shard.part
    told = json.loads((folder / "result.json").read_bytes()) | {"value": 0.99}
    damages = {
        folder / "result.json": json.dumps(told).encode(),  # reads well
        part: part.read_bytes()[:-9],  # predictions, and what they are judged by
        store.path(gold): store.path(gold).read_bytes()[:-9],
    }
    for path, damage in damages.items():
        whole_bytes = path.read_bytes()
        path.write_bytes(damage)
        assert len(comparison.begin(store, alone).missing) == 1, path
        again = run_missing(store, alone)
        assert again.rows(store)[0].mean == found.rows(store)[0].mean
        assert path.read_bytes() == whole_bytes  # made anew
    record = store.root / "runs" / f"{found.cells[0].run}.json"
    record.write_text(record.read_text().replace("completed", "running"))
    assert len(comparison.begin(store, alone).missing) == 1


def test_the_cost_is_that_of_all_artefacts(whole: Whole) -> None:
    _, store, _, rows = whole
    sql = (
        "SELECT sum(seconds) AS s FROM (SELECT DISTINCT s.key, s.seconds FROM shards s JOIN "
        "comparison c ON s.run = c.run WHERE c.strategy = 'translate_train' AND c.seed = 1)"
    )
    without_evaluation = query(store, sql).to_pylist()[0]["s"]
    told = query(
        store, "SELECT seconds FROM comparison WHERE strategy = 'translate_train' AND seed = 1"
    )
    assert told.to_pylist()[0]["seconds"] >= without_evaluation
    assert rows[1].cost.seconds > 0


def test_the_catalogue_has_every_cell_and_the_summary(whole: Whole) -> None:
    _, store, found, rows = whole
    cells = query(store, "SELECT strategy, state, reason FROM comparison").to_pylist()
    assert len(cells) == len(found.cells) == 9
    skipped = [c for c in cells if c["state"] == "skipped"]
    assert len(skipped) == 3
    assert all("labels a given text" in c["reason"] for c in skipped)
    summary = query(store, "SELECT * FROM comparison_summary ORDER BY mean").to_pylist()
    assert [s["mean"] for s in summary] == sorted(row.mean for row in rows)
    assert {s["n"] for s in summary} == {3}


def test_the_table_and_the_page_hold_every_score(
    whole: Whole, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, found, rows = whole
    matrix_tables.table(found, rows)
    printed = capsys.readouterr().out
    html = page(found, rows)
    for row in rows:
        for where in (printed, html):
            assert f"{row.mean:.4f} ± {row.deviation:.4f}" in where
            assert all(signature in where for signature in row.signatures)
    assert "3 cells not run (spa.translate_test.letters.crf)" in printed
    assert "3 cells not run" in html
    assert "trainer:crf@0.8" in printed
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_the_plan_tells_states(whole: Whole, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, found, _ = whole
    matrix_tables.plan(found)
    printed = capsys.readouterr().out
    assert "9 cells: 6 recorded, 3 skipped" in printed


def test_nothing_shared_is_made_twice(tmp_path: Path) -> None:
    recipe = matrix_recipe(tmp_path, MATRIX)
    store = Store(tmp_path / "store")
    built: list[str] = []
    build = store._build

    def counted(step):  # type: ignore[no-untyped-def]
        built.append(step.key)
        return build(step)

    store._build = counted  # type: ignore[method-assign]
    run_missing(store, recipe)
    assert len(built) == len(set(built))
    stages = [path.parent.parent.parent.name for path in store.root.glob("*/*/*/manifest.json")]
    assert len(built) == len(stages)
    assert stages.count("translate") == 4  # two shards, with two kinds of markers
    # three seeds of zero-shot and of a corpus that both projectors make alike: known by its content
    assert stages.count("train") == 6
