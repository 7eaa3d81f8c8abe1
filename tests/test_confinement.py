"""A recipe from elsewhere, held to its folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.toy_recipe import settings, write_data
from xltpipe.cli import OK, WRONG, _main
from xltpipe.confinement import confine
from xltpipe.errors import RecipeError
from xltpipe.mt.recipe import load as load_training
from xltpipe.recipe import Recipe
from xltpipe.recipe_file import parse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    given = tmp_path / "given"
    given.mkdir()
    write_data(given)
    (tmp_path / "secret.conll").write_text("Ana B-PER\n")
    (tmp_path / "key").write_text("sk-1\n")
    return given


def recipe(home: Path, **changes: object) -> Recipe:
    return parse(settings(**changes), home / "toy.toml")


def refused(home: Path, **changes: object) -> str:
    with pytest.raises(RecipeError, match="Recipe must keep to") as caught:
        confine(recipe(home, **changes), [home])
    return str(caught.value)


def test_a_recipe_that_keeps_to_its_folder_is_let_through(home: Path) -> None:
    confine(recipe(home), [home])
    confine(recipe(home, translation={"kind": "ctranslate2", "model": "embedded"}), [home])
    confine(recipe(home, projection={"kind": "aligned", "aligner": {"kind": "auto"}}), [home])


@pytest.mark.parametrize(
    "path", ["../secret.conll", "{outside}/secret.conll", "link.conll", "loop"]
)
def test_data_outside_is_refused(home: Path, path: str) -> None:
    (home / "link.conll").symlink_to(home.parent / "secret.conll")
    (home / "loop").symlink_to(home / "loop")
    given = path.format(outside=home.parent)
    told = refused(home, train={"kind": "conll", "path": given})
    assert f"train.path: lies outside, '{given}'" in told


def test_a_cluster_elsewhere_is_refused_unless_it_is_listed(home: Path) -> None:
    wanted = {"executor": "dask", "address": "tcp://head:8786"}
    assert "address: names a server that is not listed" in refused(home, **wanted)
    confine(recipe(home, **wanted), [home], ["head:8786"])


_SERVED: dict[str, Any] = {"kind": "vllm", "url": "http://localhost:8000/v1", "model": "m"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"translation": _SERVED}, "translation.url: names a server that is not listed"),
        (
            {"translation": {**_SERVED, "api_key_file": "{outside}/key"}},
            "translation.api_key_file: lies outside",
        ),
        (
            {"translation": {"kind": "ctranslate2", "model": "/etc"}},
            "translation.model: lies outside",
        ),
        (
            {
                "translation": {
                    "kind": "fallback",
                    "engines": [{"kind": "copy"}, {"kind": "ctranslate2", "model": "~/m"}],
                }
            },
            "translation.engines.1.model: lies outside",
        ),
        (
            {"translation": {"kind": "apertium", "modes": "modes"}, "projection": {"kind": "tags"}},
            "translation.modes: names files of commands",
        ),
        (
            {"projection": {"kind": "aligned", "aligner": {"kind": "eflomal", "programs": "bin"}}},
            "projection.aligner.programs: names a folder of programs",
        ),
        ({"quality": {"estimation": {}}}, "quality.estimation: its models are pickles"),
        (
            {"quality": {"estimation": {"python": "evil"}}},
            "quality.estimation.python: names an interpreter",
        ),
        (
            {
                "tests": [
                    {
                        "name": "a",
                        "lang": "spa",
                        "data": {
                            "kind": "hub",
                            "name": "json",
                            "split": "x",
                            "data_files": ["../secret.conll"],
                        },
                    }
                ]
            },
            "tests.0.data.data_files: lies outside",
        ),
    ],
)
def test_what_reaches_beyond_is_named(home: Path, changes: dict[str, Any], told: str) -> None:
    import json

    filled = json.loads(json.dumps(changes).replace("{outside}", str(home.parent)))
    assert told in refused(home, **filled)


def test_a_file_where_we_are_is_outside_too(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Component files may also be relative to where one runs."""
    monkeypatch.chdir(home.parent)
    told = refused(home, translation={**_SERVED, "api_key_file": "key"})
    assert "translation.api_key_file: lies outside, 'key'" in told


def test_more_folders_and_servers_can_be_allowed(home: Path) -> None:
    outside = {"train": {"kind": "conll", "path": "../secret.conll"}, "translation": _SERVED}
    confine(recipe(home, **outside), [home.parent], ["localhost:8000"])
    confine(recipe(home, **outside), [home.parent], ["localhost"])
    with pytest.raises(RecipeError, match="not listed"):
        confine(recipe(home, **outside), [home.parent], ["localhost:8001", "ocalhost"])


def test_a_recipe_whose_folder_is_elsewhere_is_refused(home: Path, tmp_path: Path) -> None:
    """As a form's parameters could say."""
    given = recipe(home).model_copy(update={"folder": "/"})
    with pytest.raises(RecipeError, match="folder: lies outside, '/'"):
        confine(given, [home])


def test_a_training_is_confined_too(home: Path) -> None:
    text = 'name = "t"\n[[pairs]]\npath = "{}"\nsource = "eng"\ntarget = "spa"\n'
    (home / "t.toml").write_text(text.format("pairs.tsv"))
    confine(load_training(home / "t.toml"), [home])
    (home / "t.toml").write_text(text.format("../secret.conll"))
    with pytest.raises(RecipeError, match=r"pairs\.0\.path: lies outside"):
        confine(load_training(home / "t.toml"), [home])


def test_the_verb_and_the_environment(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import tomli_w

    (home / "toy.toml").write_text(
        tomli_w.dumps(settings(train={"kind": "conll", "path": "../secret.conll"}))
    )
    monkeypatch.setenv("XLTPIPE_CONFINED", "")  # so that what the verb sets is undone
    monkeypatch.delenv("XLTPIPE_CONFINED")
    monkeypatch.setattr("xltpipe.cli.running.execute", lambda *_, **__: OK)
    arguments = ["run", str(home / "toy.toml"), "--store", str(home.parent / "data")]
    assert _main(arguments) == OK
    assert _main([*arguments, "--confined"]) == WRONG
    assert "train.path: lies outside" in capsys.readouterr().err
    monkeypatch.setenv("XLTPIPE_CONFINED", f"/nowhere:{home.parent}")
    assert _main(arguments) == OK
    monkeypatch.setenv("XLTPIPE_CONFINED", str(home))
    assert _main(arguments) == WRONG
    monkeypatch.setenv("XLTPIPE_CONFINED", "")
    assert _main(arguments) == WRONG


@pytest.mark.parametrize("name", ["../x", "a/b", "", "A", ".x", "x" * 101, "a\n", "a\0", "é"])
def test_names_that_become_files_are_plain(home: Path, name: str) -> None:
    with pytest.raises(RecipeError, match="name"):
        recipe(home, name=name)
    (home / "t.toml").write_text("")
    with pytest.raises(RecipeError, match="name"):
        load_training(_training(home, name))


def _training(home: Path, name: str) -> Path:
    import tomli_w

    path = home / "t.toml"
    pairs = [{"path": "p.tsv", "source": "eng", "target": "spa"}]
    path.write_text(tomli_w.dumps({"name": name, "pairs": pairs}))
    return path
