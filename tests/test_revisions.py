"""Whether a recipe is due: its data are new, or a run of it did not end."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests import toy_run
from tests.toy_recipe import TRAIN, toy_recipe
from xltpipe.errors import DataError, TransientError
from xltpipe.recipe import Recipe
from xltpipe.revisions import due, settled
from xltpipe.runs import recording
from xltpipe.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def failed(recipe: Recipe, store: Store, error: Exception) -> None:
    with pytest.raises(type(error)), recording(store, recipe):
        raise error


def test_new_data_are_due_until_they_were_run(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)
    assert due(store, recipe) == f"new revision: {recipe.run}"
    toy_run.run(recipe, store)
    assert due(store, recipe) is None
    (tmp_path / "train.conll").write_text(TRAIN + "\nEva B-PER\nsang O\n", encoding="utf-8")
    assert due(store, recipe) == f"new revision: {recipe.run}"


def test_what_failed_waits_for_a_revision_but_for_faults_of_the_moment(
    tmp_path: Path, store: Store
) -> None:
    recipe = toy_recipe(tmp_path)
    failed(recipe, store, DataError("row 3"))
    assert due(store, recipe) is None
    failed(recipe, store, TransientError("server busy"))
    assert due(store, recipe) == (
        f"failed for the moment: {recipe.run} (TransientError: server busy)"
    )
    with recording(store, recipe):
        assert due(store, recipe) == f"not finished: {recipe.run}"


def test_a_file_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path)
    assert settled(lambda: recipe, 0.01) == recipe
    file = tmp_path / "train.conll"

    def write() -> None:
        time.sleep(0.1)
        file.write_text(TRAIN + "\nEva B-PER\n", encoding="utf-8")

    writer = threading.Thread(target=write)
    writer.start()
    assert settled(lambda: recipe, 0.5) is None
    writer.join()
