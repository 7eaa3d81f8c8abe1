"""Licences: told by the recipe or a card or nobody, and what follows from each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from xltpipe import front_matter
from xltpipe.licences import ENGINE, Licence, consequences, forbidding, hub_ids, licences
from xltpipe.recipe import Recipe
from xltpipe.terms import terms


@pytest.mark.parametrize(
    ("given", "id", "name"),
    [
        ("cc-by-4.0", "cc-by-4.0", "CC BY 4.0"),
        ("CC BY-NC 4.0", "cc-by-nc-4.0", "CC BY-NC 4.0"),
        ("cc_by_nc_sa_4.0", "cc-by-nc-sa-4.0", "CC BY-NC-SA 4.0"),
        (
            "Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International",
            "cc-by-nc-sa-4.0",
            "CC BY-NC-SA 4.0",
        ),
        ("https://creativecommons.org/licenses/by-nd/4.0/", "cc-by-nd-4.0", "CC BY-ND 4.0"),
        ("Creative Commons Attribution No Derivatives 4.0", "cc-by-nd-4.0", "CC BY-ND 4.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0-1.0", "CC0 1.0"),
        ("CC0", "cc0-1.0", "CC0 1.0"),
        ("CC BY-SA 2.0", "other", "CC BY-SA 2.0"),
        ("Apache License, Version 2.0", "apache-2.0", "apache-2.0"),
        ("Apache-2.0", "apache-2.0", "apache-2.0"),
        ("MIT License", "mit", "mit"),
        ("GNU General Public License v3.0", "gpl-3.0", "gpl-3.0"),
        ("GNU Lesser General Public License v2.1", "lgpl-2.1", "lgpl-2.1"),
        ("openrail++", "openrail++", "openrail++"),
        ("Summit  Terms", "other", "Summit Terms"),
        ("by permission", "other", "by permission"),
        ("MIT (non-commercial use only)", "other", "MIT (non-commercial use only)"),
        ("CC BY 4.0, no redistribution", "other", "CC BY 4.0, no redistribution"),
    ],
)
def test_licences_by_the_hubs_ids(given: str, id: str, name: str) -> None:
    found = terms(given)
    assert (found.ids, found.name) == ((id,), name)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("cc0-1.0", set()),
        ("mit", set()),
        ("cc-by-4.0", {"attribution"}),
        ("cc-by-nc-sa-4.0", {"attribution", "noncommercial", "sharealike"}),
        ("cc-by-nc-nd-4.0", {"attribution", "noncommercial", "noderivatives"}),
        ("CC BY-SA 2.0", {"attribution", "sharealike"}),
        ("gpl-3.0", {"sharealike"}),
        ("odbl", {"sharealike"}),
        ("c-uda", {"noncommercial"}),
        ("fair-noncommercial-research-license", {"noncommercial"}),
        ("for research purposes only", {"noncommercial"}),
        ("LDC User Agreement", {"closed"}),
        ("Proprietary", {"closed"}),
        ("may not be redistributed", {"closed"}),
        ("cc-by-4.0 and cc-by-nc-4.0", {"attribution", "noncommercial"}),
        ("MIT (non-commercial use only)", {"noncommercial"}),
        ("Apache-2.0, research only", {"noncommercial"}),
        ("GPL-3.0, for academic purposes only", {"noncommercial", "sharealike"}),
        ("CC BY 4.0, no redistribution", {"attribution", "closed"}),
        ("cc-by-4.0 and LDC", {"attribution", "closed"}),
        ("not for redistribution", {"closed"}),
    ],
)
def test_what_a_licence_asks(given: str, asked: set[str]) -> None:
    found = terms(given)
    flags = ("attribution", "noncommercial", "sharealike", "noderivatives", "closed")
    assert {flag for flag in flags if getattr(found, flag)} == asked


def test_two_licences_at_once_keep_both_ids() -> None:
    assert terms("mit and cc-by-4.0").ids == ("mit", "cc-by-4.0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("---\nlicense: cc-by-4.0\n---\n# A\n", "cc-by-4.0"),
        ("\ufeff---\r\nlicense: mit\r\n---\r\n", "mit"),
        ("---\nlicence: mit\n---\n", "mit"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit and cc-by-4.0"),
        ("---\nlicense: other\nlicense_name: summit-terms\n---\n", "summit-terms"),
        ("---\nlicense: unknown\n---\n", None),
        ("---\nlicense: [unknown, mit]\n---\n", None),
        ("---\nlicense:\n---\n", None),
        ("---\ntags: [x]\n---\n", None),
        ("# A\nlicense: mit\n", None),
        ("---\nlicense: mit\n", None),
        ("---\n[not, a, table]\n---\n", None),
        ("---\nlicense: 'open\n---\n", None),
        ("", None),
    ],
)
def test_what_a_card_says(text: str, said: str | None) -> None:
    assert front_matter.stated(front_matter.read(text)) == said


def source(**changes: object) -> dict[str, object]:
    return {"kind": "conll", "path": "train.conll"} | changes


def roles(recipe: Recipe) -> dict[str, tuple[str, str, str]]:
    return {o.role: (o.name, o.licence, o.origin) for o in licences(recipe)}


def test_the_recipe_says_it(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, train=source(licence=" CC-BY 4.0"), dev=source(licence="mit"))
    assert roles(recipe) == {
        "training data": ("train.conll", "CC BY 4.0", "recipe"),
        "development data": ("train.conll", "mit", "recipe"),
        "test data": ("test.conll", "not stated", ""),
    }


def test_a_licence_changes_no_key(tmp_path: Path) -> None:
    bare = toy_recipe(tmp_path)
    told = toy_recipe(tmp_path, train=source(licence="cc-by-4.0"))
    assert bare.run == told.run
    assert bare.train.identity() == told.train.identity()


@pytest.mark.parametrize("said", [None, "", "unknown", "not stated"])
def test_what_nobody_states_is_not_guessed(tmp_path: Path, said: str | None) -> None:
    recipe = toy_recipe(tmp_path, train=source(licence=said))
    assert roles(recipe)["training data"] == ("train.conll", "not stated", "")


def test_the_card_beside_the_data_says_it(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    recipe = toy_recipe(tmp_path)
    assert roles(recipe)["training data"] == ("train.conll", "CC BY-NC 4.0", "dataset card")
    told = toy_recipe(tmp_path, train=source(licence="mit"))
    assert roles(told)["training data"] == ("train.conll", "mit", "recipe")


def test_a_dataset_of_the_hub_has_its_card_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    commit = "a" * 40
    home = tmp_path / "cache" / "datasets--someone--words" / "snapshots" / commit
    home.mkdir(parents=True)
    (home / "README.md").write_text("---\nlicense: cc-by-sa-4.0\n---\n")
    hub = {"kind": "hub", "name": "someone/words", "split": "train", "config": "en"}
    for revision, licence in (
        (commit, "CC BY-SA 4.0"),
        (None, "CC BY-SA 4.0"),
        ("v2", "not stated"),
    ):
        recipe = toy_recipe(tmp_path, train={**hub, "revision": revision})
        name, found, _ = roles(recipe)["training data"]
        assert (name, found) == ("someone/words en", licence)


def test_what_ships_with_the_package_is_known(tmp_path: Path) -> None:
    recipe = toy_recipe(
        tmp_path, translation={"kind": "ctranslate2"}, projection={"kind": "aligned"}
    )
    found = roles(recipe)
    assert found["translation model"] == ("en-es", "CC BY-SA 4.0", "package")
    assert found["aligner prior"] == ("en-es-tatoeba-hmm", "CC BY 2.0", "package")


def test_a_models_own_card(tmp_path: Path) -> None:
    model = tmp_path / "nllb-small"
    model.mkdir()
    (model / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    recipe = toy_recipe(tmp_path, translation={"kind": "ctranslate2", "model": "nllb-small"})
    assert roles(recipe)["translation model"] == ("nllb-small", "CC BY-NC 4.0", "model card")


def test_models_at_any_depth_are_found(tmp_path: Path) -> None:
    projection = {
        "kind": "chain",
        "methods": [
            {"projector": {"kind": "llm", "url": "http://localhost:1/v1", "model": "big-7b"}},
            {
                "projector": {
                    "kind": "aligned",
                    "aligner": {
                        "kind": "ensemble",
                        "members": [
                            {"kind": "simalign", "model": "someone/encoder", "licence": "mit"},
                            {"kind": "lexical"},
                        ],
                    },
                }
            },
        ],
    }
    found = roles(toy_recipe(tmp_path, projection=projection))
    assert found["encoder"] == ("someone/encoder", "mit", "recipe")
    assert found["projection model"] == ("big-7b", "not stated", "")


def test_models_that_score_are_found(tmp_path: Path) -> None:
    quality = {
        "round_trip": {"engine": {"kind": "ctranslate2"}},
        "estimation": {"model": "Unbabel/wmt22-cometkiwi-da"},
        "embedding": {"model": "someone/encoder", "licence": "mit"},
        "llm": {"url": "http://localhost:1/v1", "model": "judge-7b", "licence": "Apache 2.0"},
    }
    found = roles(toy_recipe(tmp_path, quality=quality))
    assert found["reverse translation model"] == ("en-es", "CC BY-SA 4.0", "package")
    assert found["QE model"] == ("Unbabel/wmt22-cometkiwi-da", "CC BY-NC-SA 4.0", "package")
    assert found["encoder"] == ("someone/encoder", "mit", "recipe")
    assert found["LLM judge"] == ("judge-7b", "apache-2.0", "recipe")


def told(licence: str, role: str = "training data") -> Licence:
    return Licence(role, "words", licence, "recipe")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (told("CC0 1.0"), []),
        (told("CC BY 4.0"), ["holds data under CC BY 4.0 (words): name its authors"]),
        (
            told("CC BY-NC 4.0"),
            [
                "holds data under CC BY-NC 4.0 (words): not for commercial use",
                "holds data under CC BY-NC 4.0 (words): name its authors",
            ],
        ),
        (
            told("CC BY-NC 4.0", ENGINE),
            ["made with a model under CC BY-NC 4.0 (words): not for commercial use"],
        ),
        (
            told("CC BY-NC-SA 4.0", "QE model"),
            [
                "made with the help of a work not for commercial use: QE model under CC BY-NC-SA 4.0 (words)",
            ],
        ),
        (told("CC BY-NC 4.0", "test data"), []),
        (
            told("not stated", ENGINE),
            [f"the licence of the {ENGINE} words is not stated: find it before you publish"],
        ),
        (told("not stated", "test data"), []),
    ],
)
def test_what_follows(one: Licence, said: list[str]) -> None:
    assert consequences([one]) == said


def test_two_licences_that_each_want_to_be_the_one() -> None:
    both = [told("CC BY-SA 4.0"), Licence("development data", "more", "CC BY-SA 3.0", "recipe")]
    assert consequences(both)[-1] == (
        "CC BY-SA 3.0 and CC BY-SA 4.0 each ask for themselves: both cannot be met"
    )


def test_what_stands_against_passing_it_on() -> None:
    listed = [
        told("CC BY-NC 4.0"),
        told("CC BY-ND 4.0"),
        told("Proprietary"),
        told("not stated"),
        told("not stated", "test data"),
        told("not stated", ENGINE),
    ]
    assert forbidding(listed) == [*listed[1:4], listed[5]]


@pytest.mark.parametrize(
    ("listed", "ids", "name"),
    [
        ([told("CC BY 4.0")], ["cc-by-4.0"], None),
        ([told("CC BY 4.0"), told("mit", ENGINE)], ["cc-by-4.0"], None),
        (
            [told("CC BY 4.0"), told("CC BY-NC 4.0", ENGINE)],
            ["cc-by-4.0", "cc-by-nc-4.0"],
            None,
        ),
        ([told("CC BY 4.0"), told("mit", "development data")], ["cc-by-4.0", "mit"], None),
        ([told("CC BY 4.0"), told("not stated", "development data")], ["unknown"], None),
        ([told("Summit Terms")], ["other"], "Summit Terms"),
    ],
)
def test_the_ids_of_the_header(listed: list[Licence], ids: list[str], name: str | None) -> None:
    assert hub_ids(listed) == (ids, name)
