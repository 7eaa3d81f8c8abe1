"""The plan: what is to do, what is done, and the same faults that a run would meet."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.toy_recipe import RULES, TRAIN, toy_recipe
from tests.toy_run import judged, read, run
from xltpipe import learning, progress, steps, tools
from xltpipe.alignment import Eflomal
from xltpipe.compared.cells import expand, met
from xltpipe.datasets import SourceSpec, Table
from xltpipe.errors import DataError, MissingExtraError, RecipeError
from xltpipe.estimate import estimate
from xltpipe.plan import Planned, plan
from xltpipe.preflight import preflight
from xltpipe.quality import Rules
from xltpipe.recipe import Recipe
from xltpipe.runs import Outcome
from xltpipe.store import Shard, Store

ALIGNED = {"kind": "aligned", "aligner": {"kind": "hmm"}}


DECIDE = ["score", "marks", "duplicates", "choose", "judge"]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def rows(planned: list[Planned]) -> list[tuple[str, int, int, int | None]]:
    return [(p.stage, p.shards, p.done, p.rows) for p in planned]


def test_a_plan_before_and_after(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)
    before = plan(recipe, store)
    assert rows(before) == [
        ("read", 1, 1, 0),  # reading tells how many rows there are
        ("translate", 2, 0, 6),
        ("project", 2, 0, 6),
        ("score", 2, 0, 6),
        ("marks", 2, 0, 6),
        ("duplicates", 1, 0, 6),
        ("choose", 1, 0, 0),
        ("judge", 2, 0, 6),
        ("materialise", 1, 0, 0),
        ("train", 1, 0, None),  # how many are kept is not known yet
        ("read", 1, 1, 0),
        ("evaluate", 1, 0, None),
    ]
    assert {(p.strategy, p.target) for p in before} == {("translate_train", "spa")}
    run(recipe, store)
    after = plan(recipe, store)
    assert [p.stage for p in after] == [p.stage for p in before]
    assert all((p.done, p.rows) == (p.shards, 0) for p in after)


def test_what_is_half_done_is_seen(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)
    judged(recipe, store, "spa", Outcome("translate_train", "spa"))
    assert rows(plan(recipe, store))[7:10] == [
        ("judge", 2, 2, 0),
        ("materialise", 1, 0, 0),
        ("train", 1, 0, None),
    ]


def test_a_change_of_the_rules_keeps_the_translations(tmp_path: Path, store: Store) -> None:
    run(toy_recipe(tmp_path), store)
    found = {p.stage: (p.done, p.shards) for p in plan(toy_recipe(tmp_path, rules={}), store)}
    assert all(found[stage] == (2, 2) for stage in ("translate", "project", "score"))
    assert found["duplicates"] == (1, 1)
    assert found["judge"] == (0, 2)


def test_more_data_keeps_the_shards_that_are_equal(tmp_path: Path, store: Store) -> None:
    run(toy_recipe(tmp_path), store)
    (tmp_path / "train.conll").write_text(TRAIN + "\nMore O\n")
    found = {p.stage: (p.done, p.shards, p.rows) for p in plan(toy_recipe(tmp_path), store)}
    assert found["translate"] == (1, 2, 3)


def test_a_damaged_shard_is_to_do_again(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)
    run(recipe, store)
    next((store.root / "judge").rglob("*.parquet")).write_bytes(b"no")
    done = {p.stage: (p.done, p.rows) for p in plan(recipe, store)}
    assert done["judge"][0] == 1
    assert done["translate"] == (2, 0)


def test_planning_twice_makes_nothing(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path)
    plan(recipe, store)
    before = sorted(store.root.rglob("*"))
    plan(recipe, store)
    assert sorted(store.root.rglob("*")) == before


def test_the_aligner_is_a_stage_where_it_is_trained(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path, projection=ALIGNED)
    assert [p.stage for p in plan(recipe, store)][:4] == ["read", "translate", "align", "project"]
    run(recipe, store)
    assert all(p.done == p.shards for p in plan(recipe, store))


def every_strategy(folder: Path) -> Recipe:
    data = {"kind": "conll", "path": "test.conll"}
    return toy_recipe(
        folder,
        strategies=["zero_shot", "translate_test", "translate_train", "supervised"],
        dev={"kind": "conll", "path": "train.conll"},
        supervised=[{"lang": "spa", "data": data}],
        projection=ALIGNED,
    )


def test_every_strategy_is_planned_in_order(tmp_path: Path, store: Store) -> None:
    planned = plan(every_strategy(tmp_path), store)
    stages: dict[str, list[str]] = {}
    for p in planned:
        stages.setdefault(p.strategy, []).append(p.stage)
    assert list(stages) == ["zero_shot", "translate_test", "translate_train", "supervised"]
    assert stages["zero_shot"] == ["read", "read", "train", "read", "evaluate"]
    assert stages["translate_test"] == [
        *("read", "read", "train", "read"),
        *("translate", "predict", "align", "project", "evaluate"),
    ]
    label = ["read", "translate", "align", "project", *DECIDE, "materialise"]
    assert stages["translate_train"] == [*label, *label, "train", "read", "evaluate"]
    assert stages["supervised"] == ["read", "train", "read", "evaluate"]


def test_a_corpus_alone_is_neither_trained_on_nor_scored(tmp_path: Path, store: Store) -> None:
    recipe = toy_recipe(tmp_path, strategies=["corpus"], tests=None)
    stages = [p.stage for p in plan(recipe, store)]
    assert stages == ["read", "translate", "project", *DECIDE, "materialise"]


def test_work_that_two_strategies_share_is_done_for_both(tmp_path: Path, store: Store) -> None:
    recipe = every_strategy(tmp_path)
    data = steps.parts(store, store.make(steps.read(recipe, recipe.train, "eng"))[0])
    portion = learning.Portion("eng", tuple(data))
    store.make(learning.train(recipe, store, [portion], [portion]))
    trained = {p.strategy: p.done for p in plan(recipe, store) if p.stage == "train"}
    assert trained == {"zero_shot": 1, "translate_test": 1, "translate_train": 0, "supervised": 0}


def test_an_oracle_judges_what_reads_the_target_alone(tmp_path: Path, store: Store) -> None:
    """What a run with development data made is done in the plan: with gold, and without."""
    data = {"kind": "conll", "path": "test.conll"}
    changes = {
        "strategies": ["zero_shot", "translate_test", "supervised"],
        "dev": {"kind": "conll", "path": "train.conll"},
        "supervised": [{"lang": "spa", "data": data}],
        "projection": ALIGNED,
    }
    plain = toy_recipe(tmp_path, **changes)
    recipe = toy_recipe(
        tmp_path, oracle=True, target_dev=[{"lang": "spa", "data": data}], **changes
    )

    def portion(lang: str, source: SourceSpec) -> learning.Portion:
        made, _ = store.make(steps.read(recipe, source, lang))
        return learning.Portion(lang, tuple(steps.parts(store, made)))

    def trained() -> list[list[int]]:
        return [[p.done for p in plan(one, store) if p.stage == "train"] for one in (recipe, plain)]

    source, gold = portion("eng", recipe.train), portion("spa", recipe.target_dev[0].data)
    store.make(learning.train(recipe, store, [source], [gold]))
    assert trained() == [[1, 0, 0], [0, 0, 0]]  # zero_shot, judged by gold
    store.make(learning.train(recipe, store, [source], [source]))
    assert trained() == [[1, 1, 0], [1, 1, 0]]  # translate_test, as without an oracle
    store.make(learning.train(recipe, store, [gold]))
    assert trained() == [[1, 1, 0], [1, 1, 1]]  # supervised: without an oracle by nothing
    store.make(learning.train(recipe, store, [gold], [gold]))
    assert trained() == [[1, 1, 1], [1, 1, 1]]


def test_two_targets_are_planned_each(tmp_path: Path, store: Store) -> None:
    planned = plan(toy_recipe(tmp_path, targets=["spa", "fra"]), store)
    assert list(dict.fromkeys(p.target for p in planned)) == ["spa", "fra"]
    assert [p.stage for p in planned if p.target == "fra"][-1] == "train"  # no test: no score


def test_the_estimate_is_of_local_engines_only(tmp_path: Path, store: Store) -> None:
    copied = toy_recipe(tmp_path)
    assert estimate(copied, store, plan(copied, store)) is None
    recipe = toy_recipe(tmp_path, translation={"kind": "ctranslate2"})
    guess = estimate(recipe, store, plan(recipe, store))
    assert guess is not None
    assert guess.rows == 6
    assert guess.tokens > 6
    assert guess.seconds > 0
    assert estimate(recipe, store, []) is None


FAULTS = [
    ({"translation": {"kind": "ctranslate2", "model": "/no/model"}}, RecipeError, "/no/model"),
    (
        {"translation": {"kind": "ctranslate2"}, "targets": ["swa"], "tests": []},
        RecipeError,
        "swa|Swahili",
    ),
    (
        {
            "projection": {
                "kind": "aligned",
                "aligner": {
                    "kind": "ensemble",
                    "members": [{"kind": "hmm"}, {"kind": "attention"}],
                },
            }
        },
        RecipeError,
        r"Attention aligner must have a CTranslate2 model.*hmm",
    ),
    (
        {"projection": {"kind": "candidates", "model": "embedded", "generator": "nope"}},
        RecipeError,
        r"Generator must be a directory.*nope",
    ),
    ({"projection": {"kind": "candidates"}}, RecipeError, r"candidates must have a CTranslate2"),
    (
        {
            "projection": {
                "kind": "chain",
                "methods": [
                    {"projector": {"kind": "aligned"}},
                    {"projector": {"kind": "constrained"}},
                ],
            }
        },
        RecipeError,
        r"constrained must have a CTranslate2 model to score with, was: none",
    ),
    (
        {
            "projection": {"kind": "constrained", "model": "embedded"},
            "targets": ["swa"],
            "tests": [],
        },
        RecipeError,
        r"constrained must have a model that translates eng-swa",
    ),
    ({"train": {"kind": "conll", "path": "nope"}}, DataError, "nope"),
    ({"train": {"kind": "conll", "path": "empty"}}, DataError, "was: none in empty$"),
    ({"train": {"kind": "conll", "path": "odd"}}, DataError, r"odd:2"),
]


@pytest.mark.parametrize(("changes", "error", "message"), FAULTS)
def test_a_plan_meets_the_faults_of_a_run(
    tmp_path: Path,
    store: Store,
    changes: dict[str, object],
    error: type[Exception],
    message: str,
) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "odd").write_text("Ana B-PER\nlives\nhere O\n\nHe O\nleft O\n")
    with pytest.raises(error, match=message):
        plan(toy_recipe(tmp_path, **changes), store)


def test_a_test_without_rows_is_met_before_training(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    test = {"name": "hard", "lang": "spa", "data": {"kind": "conll", "path": "empty"}}
    with pytest.raises(DataError, match=r"Test hard \(spa\) must hold .* was: none in empty;"):
        preflight(toy_recipe(tmp_path, tests=[test]))
    preflight(toy_recipe(tmp_path, tests=[test], strategies=["corpus"]))  # nothing is scored
    matrix = {"strategies": ["zero_shot"]}
    whole = toy_recipe(tmp_path).tests[0].model_dump()
    both = toy_recipe(
        tmp_path, targets=["spa", "fra"], matrix=matrix, tests=[test, whole | {"lang": "fra"}]
    )
    assert [(c.target, (c.reason or "")[:9]) for c in met(both, expand(both))] == [
        ("spa", "Test hard"),
        ("fra", ""),
    ]


def test_the_model_that_projects_given_texts_is_in_their_key(tmp_path: Path, store: Store) -> None:
    given = Shard("pair", "made by no engine", 1, content="the same texts")

    def key(**translation: object) -> str:
        recipe = toy_recipe(tmp_path, translation=translation, projection={"kind": "constrained"})
        return steps.project(recipe, store, given, [], ("eng", "spa")).key

    assert key(kind="ctranslate2") != key(kind="copy")
    assert key(kind="ctranslate2") == key(kind="ctranslate2", beam=1)


def test_foreign_markers_are_noted(tmp_path: Path) -> None:
    progress.notes.clear()
    for style in ("letters", "xml"):
        projection = {"kind": "markers", "style": style}
        preflight(toy_recipe(tmp_path, projection=projection, translation={"kind": "ctranslate2"}))
    (note,) = [n for n in progress.notes if "markers of style" in n]
    assert note.startswith("markers of style xml are not those that the engine was trained with")


def test_a_type_that_the_machine_cannot_compute_with_is_met_before_a_run(tmp_path: Path) -> None:
    translation = {"kind": "ctranslate2", "compute_type": "float16"}
    with pytest.raises(RecipeError, match=r"compute_type must be one that cpu .* was: float16"):
        preflight(toy_recipe(tmp_path, translation=translation))


def test_long_texts_that_were_split_are_counted_in_the_manifest(
    tmp_path: Path, store: Store
) -> None:
    translation = {"kind": "ctranslate2", "max_input_tokens": 8}
    units = toy_units(toy_recipe(tmp_path, translation=translation), store)
    manifests = [store.manifest(shard) for shard in units]
    counts = [m["counts"] for m in manifests if m is not None]
    assert sum(one.get("split", 0) for one in counts) >= 1
    assert sum(one["truncated"] for one in counts) == 0
    progress.notes.clear()


def test_a_missing_program_says_what_to_install(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    aligner = Eflomal()
    units = toy_units(toy_recipe(tmp_path), store)
    with pytest.raises(MissingExtraError, match=r'must be installed.*"xltpipe\[eflomal\]"'):
        store.make(tools.align(store, aligner, units, ("eng", "spa")))


def toy_units(recipe: Recipe, store: Store) -> list[Shard]:
    shards = read(recipe, store)
    return [store.make(steps.translate(recipe, store, s, "eng", "spa"))[0] for s in shards]


def test_a_rule_on_a_score_that_no_row_gets_is_met_before_a_run(tmp_path: Path) -> None:
    rules = {"round_trip": {"min": 30}, "length_ratio": {"max": 2}, "judged": False}
    with pytest.raises(RecipeError, match=r"Rules must be on scores that rows get, was: round_t"):
        preflight(toy_recipe(tmp_path, rules=RULES | rules))
    asked = {"round_trip": {"engine": {"kind": "copy"}}}
    preflight(toy_recipe(tmp_path, rules=RULES | rules, quality=asked))
    without = toy_recipe(tmp_path, quality={"duplicates": False})
    preflight(without)  # the rule that is on by default is not asked for
    preflight(without.model_copy(update={"rules": Rules(**without.rules.model_dump())}))


def test_what_the_aligner_of_a_scorer_met_is_counted(tmp_path: Path, store: Store) -> None:
    aligner = {"kind": "hmm"}
    recipe = toy_recipe(tmp_path, quality={"alignment": {"aligner": aligner}})
    outcome = Outcome("translate_train", "spa")
    judged(recipe, store, "spa", outcome)
    scores = [shard for _, shard in outcome.shards if shard.stage == "score"]
    counts = [(store.manifest(shard) or {})["counts"] for shard in scores]
    assert all({"scorers_pairs_skipped", "scorers_pairs_without_links"} <= set(c) for c in counts)


def test_a_test_file_is_looked_into_once_for_all_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = {"kind": "table", "path": "t.tsv", "texts": [1], "header": False, "where": {"0": "x"}}
    (tmp_path / "t.tsv").write_text("a\tb\n", encoding="utf-8")
    recipe = toy_recipe(tmp_path, tests=[{"name": "t", "lang": "spa", "data": table}])
    for _ in range(2):  # what is wrong is told each time
        with pytest.raises(DataError, match=r"at least one example, was: none in t\.tsv"):
            preflight(recipe)
    (tmp_path / "t.tsv").write_text("x\tb\n", encoding="utf-8")
    preflight(recipe)
    read = list[str]()
    given = Table.read
    monkeypatch.setattr(Table, "read", lambda self, *a: read.append(self.path) or given(self, *a))
    preflight(recipe.model_copy(update={"seed": 9}))
    assert read == []
