"""Recipes: what loads, what is refused in which words, and what makes a run another run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from tests.toy_recipe import TRAIN, settings, toy_recipe, write_data
from xltpipe.errors import DataError, RecipeError
from xltpipe.evaluation import METRICS
from xltpipe.mt import recipe as training
from xltpipe.recipe_file import load, parse
from xltpipe.strategies import Strategy
from xltpipe.training import asked_by

RECIPES = Path(__file__).parents[1] / "flows" / "recipes"
DATA = {"kind": "conll", "path": "test.conll"}


def test_the_quickstart_loads() -> None:
    recipe = load(RECIPES / "quickstart.toml")
    assert (recipe.name, recipe.source, recipe.targets) == ("quickstart", "eng", ("spa",))
    assert recipe.root == RECIPES
    assert recipe.run.startswith("quickstart-")
    assert [test.name for test in recipe.tests_in("spa")] == ["sample"]
    assert recipe.tests_in("swa") == ()


def test_a_title_names_languages_and_strategies_and_is_short(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, strategies=["corpus", "translate_train"])
    assert recipe.title == f"{recipe.run} eng→spa: corpus, translate-train"
    many = toy_recipe(tmp_path, targets=["spa", "fra", "deu", "ita", "por", "nld"], tests=[])
    assert many.title == f"{many.run} eng→spa, fra, deu, ita and 2 more: translate-train"


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda p: p.stem)
def test_every_recipe_that_we_ship_is_valid(path: Path) -> None:
    if path.stem.startswith("train-mt"):  # of a model, not of an experiment
        assert training.load(path).fingerprint()
    else:
        assert load(path).name == path.stem


WRONG = [
    # changes, the line of the message
    ({"translaton": {}}, "translaton: unknown key; did you mean 'translation'"),
    ({"zzz": 1}, "zzz: unknown key; known are name, source, targets"),
    (
        {"translation": {"kind": "ctranslate2", "beem": 3}},
        r"translation\.beem: unknown key; did you mean 'beam'",
    ),
    (
        {"projection": {"kind": "aligned", "aligner": {"kind": "hmm", "treshold": 0.3}}},
        r"projection\.aligner\.treshold: unknown key; did you mean 'threshold'",
    ),
    ({"rules": {"copied": {"mim": 1}}}, r"rules\.copied\.mim: unknown key; did you mean 'min'"),
    ({"rules": {"copid": False}}, r"rules\.copid: unknown key; did you mean 'copied'"),
    (
        {"rules": {"copied": {"min": 2, "max": 1}}},
        r"rules\.copied: min must not be above max, was: 2\.0 > 1\.0",
    ),
    (
        {"tests": [{"name": "a", "lang": "spa", "data": {"kind": "conll", "pth": "x"}}]},
        r"tests\.0\.data\.path: must be given\n  tests\.0\.data\.pth: unknown key",
    ),
    (
        {"translation": {"kind": "google"}},
        "translation: kind must be one of ctranslate2, .*copy, .*was: 'google'",
    ),
    ({"translation": {}}, "translation: kind must be given, one of ctranslate2, .*copy"),
    ({"train": "train.conll"}, "train: must be a table, was: 'train.conll'"),
    ({"train": None}, "train: must be given"),
    ({"name": None}, "name: must be given"),
    ({"name": "My Recipe"}, "name: String should match pattern"),
    ({"targets": "spa"}, "targets: must be a list, was: 'spa'"),
    ({"targets": []}, "targets: .*at least 1"),
    (
        {"targets": ["spanish"]},
        r"targets\.0: Language must be .*'spanish'; did you mean spa \(Spanish\)",
    ),
    ({"source": "englsh"}, r"source: Language must be .*'englsh'; did you mean eng \(English\)"),
    ({"targets": ["spa", "eng"]}, "targets must not contain the source language, was: eng"),
    ({"strategies": ["zero-shot"]}, r"strategies\.0: Input should be .*'translate_train'"),
    ({"seed": -1}, "seed: .*greater than or equal to 0"),
    (
        {"strategies": ["translate_test"]},
        "translate_test needs a projector that labels a given text, was: projection 'markers'",
    ),
    (
        {"strategies": ["supervised"]},
        "supervised needs training data for each target, was: none for spa; add",
    ),
    (
        {"tests": [{"name": "a", "lang": "fra", "data": DATA}]},
        "tests must be in a target language, was: fra",
    ),
    (
        {"tests": [{"name": "a", "lang": "spa", "data": DATA}] * 2},
        "tests of one language must have different names",
    ),
]


@pytest.mark.parametrize(("changes", "message"), WRONG)
def test_a_wrong_recipe_is_told_by_key(changes: dict[str, object], message: str) -> None:
    with pytest.raises(
        RecipeError, match=rf"^Recipe must be valid, was: toy\.toml with\n  .*{message}"
    ):
        parse(settings(**changes), Path("toy.toml"))


def test_all_faults_are_told_at_once_and_none_twice() -> None:
    with pytest.raises(RecipeError) as error:
        parse(settings(seed="x", targets=["xx"], sead=1), Path("toy.toml"))
    lines = str(error.value).splitlines()[1:]
    assert [line.split(":")[0].strip() for line in lines] == ["targets.0", "seed", "sead"]


def test_the_folder_is_not_to_be_set() -> None:
    with pytest.raises(RecipeError, match="must not set folder: it is where the file lies"):
        parse(settings(folder="elsewhere"), Path("toy.toml"))


def test_equal_names_in_two_languages_are_fine() -> None:
    tests = [{"name": "a", "lang": lang, "data": DATA} for lang in ("spa", "fra")]
    recipe = parse(settings(targets=["es", "fr"], tests=tests), Path("toy.toml"))
    assert recipe.targets == ("spa", "fra")
    assert [t.lang for t in recipe.tests_in("fra")] == ["fra"]


FILES = [
    (None, r"Recipe must be a file, was: .*/toy\.toml \(no such file\); .*recipe new"),
    (b"name = \n", r"Recipe must be TOML, was: .*toy\.toml: .*line 1"),
    (
        b'name = "caf\xe9"\n',
        r"Recipe must be a readable UTF-8 file, was: .*toy\.toml \(.*byte 0xe9",
    ),
    (b"", r"was: .*toy\.toml with\n  name: must be given\n  targets: must be given\n  train: must"),
]


@pytest.mark.parametrize(("content", "message"), FILES)
def test_files_that_are_no_recipe(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "toy.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecipeError, match=message):
        load(path)


def test_a_folder_is_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Recipe must be a readable UTF-8 file, was:"):
        load(tmp_path)


def test_missing_data_is_told_with_the_folder_that_was_searched(tmp_path: Path) -> None:
    recipe = toy_recipe(tmp_path, train={"kind": "conll", "path": "nope.conll"})
    with pytest.raises(DataError, match=rf"was: 'nope.conll', .*{tmp_path}/nope\.conll"):
        _ = recipe.run


def test_paths_start_at_the_recipes_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "prior").mkdir()
    aligner = {"kind": "hmm", "prior": "prior", "extra": ["bitext.tsv", "missing.tsv"]}
    (home / "bitext.tsv").write_text("a\tb\n")
    recipe = toy_recipe(home, projection={"kind": "aligned", "aligner": aligner})
    monkeypatch.chdir(elsewhere)
    assert len(list(recipe.train.read("eng", recipe.root))) == 6
    hmm = recipe.projection.model_dump()["aligner"]
    assert Path(hmm["prior"]) == home / "prior"
    assert [str(path) for path in hmm["extra"]] == [str(home / "bitext.tsv"), "missing.tsv"]


@pytest.mark.parametrize(
    ("key", "projection"),
    [
        ("generator", {"kind": "candidates"}),
        ("api_key_file", {"kind": "llm", "url": "http://localhost:1/v1", "model": "m"}),
    ],
)
def test_files_of_a_projector_start_there_too(
    tmp_path: Path, key: str, projection: dict[str, str]
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "m").mkdir()  # a server's model is a name and no folder
    recipe = toy_recipe(tmp_path, projection={**projection, key: "here"})
    assert Path(recipe.projection.model_dump()[key]) == tmp_path / "here"
    assert recipe.projection.model_dump()["model"] == projection.get("model")


def test_a_recipe_of_the_folder_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_data(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert parse(settings(), Path("toy.toml")).root == tmp_path


SAME_RUN = [
    {"workers": 7},
    {"source": "en"},
    {"targets": ["es"]},
    {"translation": {"kind": "copy"}},
]
OTHER_RUN = [
    {"name": "toy2"},
    {"seed": 2},
    {"labels": ["PER"]},
    {"on_error": "quarantine"},
    {"targets": ["fra"], "tests": []},
    {"strategies": ["zero_shot"]},
    {"rules": {}},
    {"projection": {"kind": "markers", "style": "xml"}},
    {"projection": {"kind": "aligned"}},
    {"training": {"kind": "crf", "max_iterations": 6}},
    {"dev": {"kind": "conll", "path": "test.conll"}},
    {"train": {"kind": "conll", "path": "train.conll", "limit": 2}},
    {"tests": []},
]


@pytest.mark.parametrize("changes", SAME_RUN, ids=str)
def test_what_cannot_change_the_result_is_the_same_run(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    assert toy_recipe(tmp_path, **changes).run == toy_recipe(tmp_path).run


@pytest.mark.parametrize("changes", OTHER_RUN, ids=str)
def test_other_settings_are_another_run(tmp_path: Path, changes: dict[str, object]) -> None:
    assert toy_recipe(tmp_path, **changes).run != toy_recipe(tmp_path).run


def test_threads_and_the_place_of_a_model_are_the_same_run(tmp_path: Path) -> None:
    one = toy_recipe(tmp_path, translation={"kind": "ctranslate2", "threads": 1})
    two = toy_recipe(tmp_path, translation={"kind": "ctranslate2", "threads": 2, "workers": 2})
    other = toy_recipe(tmp_path, translation={"kind": "ctranslate2", "beam": 5})
    assert one.run == two.run != other.run


def test_the_content_of_the_data_decides_not_its_place(tmp_path: Path) -> None:
    homes = [tmp_path / name for name in ("one", "two")]
    for home in homes:
        home.mkdir()
    one, two = (toy_recipe(home) for home in homes)
    assert one.run == two.run
    for name in ("train.conll", "test.conll"):
        before = two.run
        path = homes[1] / name
        path.write_text(path.read_text() + "\nMore O\n")
        assert two.run != before
    (homes[1] / "train.conll").write_text(TRAIN)
    assert two.run != one.run  # the test data still differ


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": ["spa", "es"]}, "targets must each be named once, was: spa, spa"),
        ({"strategies": ["corpus", "corpus"]}, "strategies must each be named once"),
        ({"targets": ["zh-Hant"]}, "language must be in its usual script here, Hans"),
    ],
)
def test_what_would_run_twice_or_as_something_else(
    tmp_path: Path, settings: dict[str, list[str]], message: str
) -> None:
    plain = toy_recipe(tmp_path).model_dump(exclude={"folder"}, mode="json", exclude_none=True)
    with pytest.raises(RecipeError, match=message):
        parse({**plain, "tests": [], **settings}, tmp_path / "toy.toml")


def test_a_recipe_names_its_metric_and_old_ones_need_not(tmp_path: Path) -> None:
    old = toy_recipe(tmp_path, evaluation={"mode": "partial"})
    same = toy_recipe(tmp_path, evaluation={"kind": "span_f1", "mode": "partial"})
    assert (old.evaluation, old.run) == (same.evaluation, same.run)
    topics = {"task": "classification", "training": None}
    other = toy_recipe(
        tmp_path, **topics, evaluation={"kind": "classification", "main": "macro_f1"}
    )
    assert other.evaluation.kind == "classification"
    assert other.run != old.run
    with pytest.raises(RecipeError, match=r"evaluation\.mod: unknown key; did you mean 'mode'"):
        toy_recipe(tmp_path, evaluation={"mod": "partial"})


def test_the_task_chooses_what_is_not_set(tmp_path: Path) -> None:
    kinds = {"classification": "tfidf", "pairs": "tfidf", "choice": "tfidf", "qa": "answer_ranker"}
    kinds["events"] = "event_crf"
    for task, trainer in kinds.items():
        recipe = toy_recipe(tmp_path, task=task, training=None)
        assert (recipe.training.kind, recipe.evaluation.kind in METRICS[task]) == (trainer, True)
    assert toy_recipe(tmp_path).training.kind == "crf"


def test_a_context_of_choices_is_no_option(tmp_path: Path) -> None:
    source = {"kind": "choice", "path": "train.jsonl", "context": "passage"}
    tests = [{"name": "small", "lang": "spa", "data": source}]
    both: dict[str, Any] = {"task": "choice", "train": source, "tests": tests}
    assert asked_by(toy_recipe(tmp_path, **both, training=None).training) == 2
    told = {"kind": "subsample", "share": 0.5, "of": {"kind": "tfidf", "prompts": 2}}
    assert asked_by(toy_recipe(tmp_path, **both, training=told).training) == 2
    with pytest.raises(RecipeError, match=r"prompts must be the texts before the options, 2 in .*"):
        toy_recipe(tmp_path, **both, training={"kind": "tfidf"})
    with pytest.raises(RecipeError, match=r"options, 1 in train.jsonl \(question\), was: 2"):
        toy_recipe(tmp_path, **both | {"train": source | {"context": None}}, training=told)


def test_a_list_of_answers_is_measured_as_one(tmp_path: Path) -> None:
    ranked = {"kind": "answer_ranker", "n_best": 5}
    both: dict[str, Any] = {"task": "qa", "training": ranked, "evaluation": {"kind": "retrieval"}}
    assert toy_recipe(tmp_path, **both).evaluation.kind == "retrieval"
    testing = {"strategies": ["translate_test"], "projection": {"kind": "aligned"}}
    for trainer in (ranked, {"kind": "subsample", "share": 0.5, "of": ranked}):
        with pytest.raises(RecipeError, match="n_best must be 1 with translate_test, was: 5"):
            toy_recipe(tmp_path, **both | {"training": trainer}, **testing)


def test_of_answers_an_ensemble_gives_one(tmp_path: Path) -> None:
    both: dict[str, Any] = {"projection": {"kind": "aligned"}, "strategies": ["ensemble"]}
    recipe = toy_recipe(tmp_path, task="qa", training=None, **both)
    assert recipe.signed("ensemble")["ensemble"] == "first"
    assert toy_recipe(tmp_path, **both).signed("ensemble")["ensemble"] == "union"


def test_what_does_not_suit_the_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match="training must be of a kind that learns pairs, was: 'crf'"
    ):
        toy_recipe(tmp_path, task="pairs")
    with pytest.raises(RecipeError, match="evaluation must be of a kind that measures spans"):
        toy_recipe(tmp_path, evaluation={"kind": "answers"})
    named = r'was: "parallel"; name one in the recipe \(\[training\] kind = "chat" or "seq2seq"\)'
    with pytest.raises(RecipeError, match=named):
        toy_recipe(tmp_path, task="parallel", training=None)
    corpus = {"strategies": ["corpus"], "training": None}
    assert toy_recipe(tmp_path, task="parallel", **corpus).evaluation.kind == "translation"


def test_written_texts_have_no_labels_to_switch_or_join(tmp_path: Path) -> None:
    size = {"layers": 1, "width": 32, "heads": 2, "vocabulary": 400}
    chat = {"task": "instructions", "training": {"kind": "chat", "config": size}}
    in_place = {"projection": {"kind": "aligned"}}
    for strategy in ("code_switched", "ensemble"):
        with pytest.raises(RecipeError, match=f"{strategy} needs a task with labels, was: instru"):
            toy_recipe(tmp_path, **chat, **in_place, strategies=["zero_shot", strategy])
    with pytest.raises(RecipeError, match="fused needs a trainer of pairs"):
        toy_recipe(tmp_path, **chat, strategies=["fused"])
    every = ["translate_train", "translate_test", "round_trip", "zero_shot", "control"]
    assert toy_recipe(tmp_path, **chat, **in_place, strategies=every).training.kind == "chat"
    for into in ("es", "en"):
        training = {"kind": "seq2seq", "config": size, "into": into}
        sampled = {"kind": "subsample", "share": 0.5, "of": training}
        for spec in (training, sampled):
            with pytest.raises(RecipeError, match="into must be the language of the references, b"):
                toy_recipe(tmp_path, task="parallel", training=spec)


def test_target_dev_is_for_oracles_alone(tmp_path: Path) -> None:
    dev = {"target_dev": [{"lang": "spa", "data": {"kind": "conll", "path": "test.conll"}}]}
    with pytest.raises(RecipeError, match="target_dev would choose models by data"):
        toy_recipe(tmp_path, **dev)
    with pytest.raises(RecipeError, match="oracle needs development data for each target"):
        toy_recipe(tmp_path, oracle=True)
    recipe = toy_recipe(tmp_path, oracle=True, **dev)
    assert recipe.dev_of("spa") == recipe.target_dev[0].data
    told = {one: recipe.signed(one).get("selection") for one in get_args(Strategy)}
    # their models read translations, and are judged by [dev] as ever (docs/strategies.md)
    without = {"translate_test", "round_trip", "fused"}
    assert told == {one: None if one in without else "oracle" for one in get_args(Strategy)}
    plain = toy_recipe(tmp_path)
    assert all("selection" not in plain.signed(one) for one in get_args(Strategy))
    assert plain.signed("translate_test") == {"engine": "copy"}
    assert toy_recipe(tmp_path, translation={"kind": "ctranslate2"}).signed("translate_test") == {}


def test_few_gold_rows_need_gold(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="few_shot needs gold_rows"):
        gold = [{"lang": "spa", "data": {"kind": "conll", "path": "test.conll"}}]
        toy_recipe(tmp_path, strategies=["few_shot"], supervised=gold)
    with pytest.raises(RecipeError, match="gold_rows needs training data for each target"):
        toy_recipe(tmp_path, gold_rows=5)
