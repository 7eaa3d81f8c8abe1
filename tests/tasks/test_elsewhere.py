"""What happens in a process that works for another one is heard there."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.elsewhere import told
from tasks.projection import project
from tasks.quality import judge, score
from tasks.translation import translate
from tests.toy_recipe import toy_recipe
from xltpipe import progress
from xltpipe.errors import RecipeError
from xltpipe.recipe_file import load, with_settings
from xltpipe.store import Shard
from xltpipe.tools import Trained


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = progress._state.leading
    progress._state.leading = False
    progress.news()
    yield
    progress.news()
    progress._state.leading = before


def test_news_are_told_once_and_add_up() -> None:
    progress.made["translate"] += 2
    progress.note("cut short")
    progress.tick("translate", 10)
    told = progress.news()
    assert (told.made, told.notes, told.rows) == (
        {"translate": 2},
        ["cut short"],
        {"translate": 10},
    )
    assert progress.news() == progress.News()
    progress.made["translate"] += 1
    progress.note("cut short")
    progress.hear(told)
    assert progress.made == {"translate": 3}
    assert progress.notes == ["cut short"]
    assert progress.unheard == {"translate": 10}


def test_a_process_that_leads_keeps_its_counts() -> None:
    progress.lead()
    progress.made["read"] += 1
    assert progress.news() == progress.News()
    assert progress.made["read"] >= 1
    progress._state.leading = False


def test_warnings_of_the_store_become_notes() -> None:
    log, handler = logging.getLogger("xltpipe.store"), progress.Noting()
    log.addHandler(handler)
    try:
        log.warning("%s is not whole", "translate/abc")
        log.info("nobody need know")
    finally:
        log.removeHandler(handler)
    assert progress.news().notes == ["translate/abc is not whole"]


def test_what_goes_to_other_processes_can_be_pickled_and_is_the_same_there(tmp_path: Path) -> None:
    """Engines are kept by their settings: equal ones must be found again, or models load anew."""
    cloudpickle = pytest.importorskip("cloudpickle")
    recipe = toy_recipe(tmp_path, projection={"kind": "aligned", "aligner": {"kind": "hmm"}})
    (aligner,) = recipe.projection.aligners()
    shards = [Shard("read", "a" * 64, 3, "part-00000.parquet", "b" * 64)]
    trained = Trained(aligner, aligner, "named", Shard("align", "c" * 64, 3, "aligner"), (2, 1))
    sent = (recipe, shards, [trained], told(shards), translate, project, score, judge)
    got = pickle.loads(cloudpickle.dumps(sent))  # noqa: S301 - our own
    assert got[:4] == sent[:4]
    assert hash(got[0].translation) == hash(recipe.translation)
    assert [task.name for task in got[4:]] == ["translate", "project", "score", "judge"]


def test_where_a_run_is_worked_on_changes_nothing_that_is_made(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    other = with_settings(recipe, {"executor": "dask", "address": "tcp://x:1", "workers": 7})
    assert (other.executor, other.address, other.workers) == ("dask", "tcp://x:1", 7)
    assert other.run == recipe.run
    assert with_settings(recipe, {}) is recipe


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="address must be of a Dask or Ray cluster"):
        with_settings(toy_recipe(tmp_path), {"address": "tcp://x:1"})
    with pytest.raises(RecipeError, match="workers"):
        with_settings(toy_recipe(tmp_path), {"workers": 0})


def test_a_recipe_does_not_say_where_results_go(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text('name = "r"\nstore = "s3://bucket"\n')
    with pytest.raises(RecipeError, match="must not set store"):
        load(tmp_path / "r.toml")
