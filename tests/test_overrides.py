"""Recipes by name, with settings changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import tomli_w

from tests.toy_recipe import settings, toy_recipe, write_data
from xltpipe.errors import RecipeError
from xltpipe.overrides import altered, changed, find, limited


@pytest.fixture
def home(tmp_path: Path) -> Path:
    inside = tmp_path / "recipes"
    inside.mkdir()
    write_data(inside)
    (inside / "toy.toml").write_text(tomli_w.dumps(settings()), encoding="utf-8")
    (tmp_path / "outside.toml").write_text(tomli_w.dumps(settings()), encoding="utf-8")
    return inside


@pytest.mark.parametrize("name", ["toy", "toy.toml", "./toy.toml"])
def test_a_recipe_is_found_by_name_or_path(home: Path, name: str) -> None:
    assert find(name, home) == (home / "toy.toml").resolve()


def test_a_path_out_of_the_folder_is_refused(home: Path) -> None:
    for name in ("../outside", "../outside.toml", str(home.parent / "outside.toml")):
        with pytest.raises(RecipeError, match=r"Recipe must lie below .*, was: "):
            find(name, home)
    (home / "link.toml").symlink_to(home.parent / "outside.toml")
    with pytest.raises(RecipeError, match="Recipe must lie below"):
        find("link", home)


def test_an_unknown_name_lists_what_there_is(home: Path) -> None:
    with pytest.raises(RecipeError, match=r"was: 'nope'; there are: toy$"):
        find("nope", home)


def test_changes_are_checked_as_if_they_were_written(home: Path) -> None:
    made = changed(
        home / "toy.toml",
        {"targets": ["glg"], "tests.0.lang": "glg", "training.max_iterations": 3, "seed": 7},
    )
    assert (made.targets, made.tests[0].lang, made.seed) == (("glg",), "glg", 7)
    assert made.training.identity()["max_iterations"] == 3
    assert made.folder == str(home)
    with pytest.raises(RecipeError, match="targets must not contain the source language"):
        changed(home / "toy.toml", {"targets": ["eng"]})
    with pytest.raises(RecipeError, match=r"training.max_iteration: unknown key"):
        changed(home / "toy.toml", {"training.max_iteration": 3})


def test_none_takes_a_setting_away(home: Path) -> None:
    assert changed(home / "toy.toml", {"tests": None}).tests == ()


@pytest.mark.parametrize("key", ["tests.5.lang", "name.x", "tests.lang"])
def test_a_change_without_a_place_is_refused(home: Path, key: str) -> None:
    with pytest.raises(RecipeError, match="Change must name a setting by its dotted key"):
        changed(home / "toy.toml", {key: 1})


def test_a_limit_is_set_on_every_source(home: Path) -> None:
    made = changed(home / "toy.toml", limited(toy_recipe(home), 2))
    assert (made.train.limit, made.tests[0].data.limit) == (2, 2)


def test_a_whole_recipe_is_changed_and_found_from_home(home: Path, tmp_path: Path) -> None:
    given = toy_recipe(tmp_path)
    made = altered(given, {"shard_rows": 3}, home)
    assert (made.shard_rows, made.folder) == (3, str(home))
    assert made.identity() == {**given.identity(), "shard_rows": 3}
