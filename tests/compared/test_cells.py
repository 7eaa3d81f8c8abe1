"""Cells: which recipes a matrix stands for, and what it says of those that cannot run."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.compared_recipe import ALIGNED, MARKERS, matrix_recipe
from tests.toy_recipe import TEST, toy_recipe
from tests.training.toy_tasks import TOYS
from xltpipe.compared.axes import CERTAIN, COPY, settings
from xltpipe.compared.cells import expand, met, no_rules
from xltpipe.errors import RecipeError
from xltpipe.kinds import Task
from xltpipe.recipe import Recipe
from xltpipe.training import Crf, Subsample, TrainerSpec
from xltpipe.translation import Copy


def trainer(kind: str, **changes: Any) -> Any:
    return TypeAdapter(TrainerSpec).validate_python({"kind": kind} | changes)


FULL: dict[str, Any] = {
    "seeds": [1, 2, 3],
    "subsample": 0.8,
    "projections": [MARKERS, ALIGNED],
    "filters": [{"name": "rules"}, {"name": "none", "keep_all": True}],
    "baseline": "zero_shot",
}
TESTS = [
    {"name": "small", "lang": lang, "data": {"kind": "conll", "path": "test.conll"}}
    for lang in ("spa", "fra")
]
ALL = ["zero_shot", "translate_train", "translate_test"]


def full(folder: Path, **more: Any) -> Recipe:
    matrix = FULL | {"strategies": ALL} | more
    return matrix_recipe(folder, matrix, targets=["spa", "fra"], tests=TESTS)


def test_axes_without_influence_collapse(tmp_path: Path) -> None:
    cells = expand(full(tmp_path))
    by = Counter((c.target, c.strategy) for c in cells)
    # 3 seeds; a projector and a filter change translate_train, a projector translate_test
    expected = {"zero_shot": 3, "translate_train": 12, "translate_test": 6}
    assert by == {(lang, s): n for lang in ("spa", "fra") for s, n in expected.items()}
    assert len({c.label for c in cells}) == len(cells)
    runs = [c.run for c in cells if c.run is not None]
    assert len(set(runs)) == len(runs) == 36  # translate_test with markers cannot run: 6


def test_what_cannot_run_is_there_with_the_reason(tmp_path: Path) -> None:
    skipped = [c for c in expand(full(tmp_path)) if c.recipe is None]
    assert {(c.strategy, c.projection) for c in skipped} == {("translate_test", "letters")}
    assert len(skipped) == 6
    assert all("needs a projector that labels a given text" in str(c.reason) for c in skipped)


def test_a_cell_is_a_plain_recipe_with_a_stable_run(tmp_path: Path) -> None:
    one = next(c for c in expand(full(tmp_path)) if c.filter == "none")
    assert one.recipe is not None
    assert one.recipe.matrix is None
    assert one.recipe.targets == (one.target,)
    assert one.recipe.strategies == ("translate_train",)
    assert [t.lang for t in one.recipe.tests] == [one.target]
    assert one.recipe.rules == no_rules()
    assert one.recipe.training == Subsample(share=0.8, of=Crf(max_iterations=5))
    assert one.recipe.name == "toy.spa.translate_train.letters.none.crf.s1"
    fewer = full(tmp_path, seeds=[1], filters=[{"name": "none", "keep_all": True}])
    assert one.run in {c.run for c in expand(fewer)}  # other axes change no run of its own


def test_the_matrix_changes_no_run(tmp_path: Path) -> None:
    plain = toy_recipe(tmp_path)
    assert toy_recipe(tmp_path, matrix=FULL).run == plain.run
    assert "matrix" not in plain.identity()


def test_cells_of_dask_are_not_run_side_by_side(tmp_path: Path) -> None:
    recipe = matrix_recipe(tmp_path, {"at_once": 2}, executor="dask")
    with pytest.raises(RecipeError, match=r"matrix.at_once must be 1 .* was: 2 with dask"):
        expand(recipe)


def test_seeds_that_change_nothing_are_one(tmp_path: Path) -> None:
    recipe = matrix_recipe(tmp_path, {"seeds": [4, 5]})
    assert {c.seed for c in expand(recipe)} == {4}
    assert {
        c.seed for c in expand(matrix_recipe(tmp_path, {"seeds": [4, 5], "subsample": 0.5}))
    } == {4, 5}


def trained(home: Path, kind: str, task: Task, seed: int, **changes: Any) -> dict[str, Any]:
    """What a trainer writes but for the seed; of half the toys, which takes half the time."""
    trainer(kind, **changes).build(seed, task).train(iter(TOYS[task][::2]), iter(()), home)
    files: dict[str, Any] = {path.name: path.read_bytes() for path in home.iterdir()}
    told = json.loads(files["settings.json"])
    assert told.pop("seed", seed) == seed
    return files | {"settings.json": told}


@pytest.mark.parametrize(
    ("kind", "task"),
    [(kind, task) for kind in sorted(CERTAIN) for task in sorted(trainer(kind).tasks)],
)
def test_trainers_that_are_taken_for_certain_draw_nothing(
    tmp_path: Path, kind: str, task: Task
) -> None:
    first, second = (trained(tmp_path / str(seed), kind, task, seed) for seed in (1, 2))
    assert first == second


def test_answer_ranker_draws_wrong_candidates(tmp_path: Path) -> None:
    models = [
        trained(tmp_path / str(seed), "answer_ranker", "qa", seed, negatives=3) for seed in (1, 2)
    ]
    assert models[0]["model.safetensors"] != models[1]["model.safetensors"]
    ranker = {"name": "ranker", "training": {"kind": "answer_ranker"}}
    given = {"seeds": [4, 5], "strategies": ["zero_shot"], "trainings": [ranker]}
    found = expand(matrix_recipe(tmp_path, given, task="qa", training=None))
    assert [c.seed for c in found] == [4, 5]


def test_code_switching_draws_by_the_seed(tmp_path: Path) -> None:
    aligned = {"kind": "aligned", "aligner": {"kind": "hmm"}}
    given = {"seeds": [4, 5], "strategies": ["zero_shot", "code_switched"]}
    found = expand(matrix_recipe(tmp_path, given, projection=aligned))
    assert {(c.strategy, c.seed) for c in found} == {
        ("zero_shot", 4),
        ("code_switched", 4),
        ("code_switched", 5),
    }


def test_a_trainer_that_cannot_be_subsampled_is_the_reason_of_its_cell(tmp_path: Path) -> None:
    fusing = {"name": "fusing", "training": {"kind": "filter", "config": {}}}
    given = {"subsample": 0.5, "trainings": [fusing], "strategies": ["zero_shot"]}
    (cell,) = expand(matrix_recipe(tmp_path, given))
    assert cell.recipe is None
    assert "filter" in (cell.reason or "")


def test_the_copy_control_sends_source_rows_through(tmp_path: Path) -> None:
    cells = expand(full(tmp_path, copy_control=True))
    control = [c for c in cells if c.strategy == COPY]
    assert len(control) == 6
    assert {c.projection for c in control} == {None}
    assert all(c.recipe is not None and c.recipe.translation == Copy() for c in control)


def test_a_language_without_tests_is_skipped(tmp_path: Path) -> None:
    recipe = matrix_recipe(tmp_path, {}, targets=["spa", "fra"])
    told = {c.target: c.reason for c in expand(recipe)}
    assert told["spa"] is None
    assert str(told["fra"]).startswith("no [[tests]] in this language")


def test_supervised_needs_its_data(tmp_path: Path) -> None:
    gold = [{"lang": "fra", "data": {"kind": "conll", "path": "test.conll"}}]
    recipe = matrix_recipe(
        tmp_path,
        {"strategies": ["supervised"]},
        targets=["spa", "fra"],
        tests=TESTS,
        supervised=gold,
    )
    told = {c.target: c.reason for c in expand(recipe)}
    assert told["fra"] is None
    assert "supervised needs training data for each target" in str(told["spa"])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ({"strategies": ["zero"]}, r"matrix.strategies: .*zero_shot.*, was: 'zero'"),
        ({"strategies": ["corpus"]}, "matrix.strategies must be scored, was: corpus"),
        ({"targets": ["nope"]}, "matrix.targets: "),
        ({"targets": ["deu"]}, r"matrix.targets must be some of the recipe's \(spa\), was: deu"),
        ({"baseline": "supervised"}, "matrix.baseline.strategy must be one of zero_shot, "),
        (
            {"baseline": {"strategy": "zero_shot", "filter": "strict"}},
            "matrix.baseline.filter must be one of rules, was: 'strict'",
        ),
    ],
)
def test_unknown_names_are_told(tmp_path: Path, matrix: dict[str, Any], message: str) -> None:
    recipe = matrix_recipe(tmp_path, matrix)
    with pytest.raises(RecipeError, match=message):
        expand(recipe)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ({"seeds": []}, "matrix.seeds: .*at least 1 item"),
        ({"projections": []}, "matrix.projections: .*at least 1 item"),
        ({"seeds": [1, 1]}, "matrix: seeds must each be named once, was: 1, 1"),
        ({"filters": [{"name": "a"}, {"name": "a"}]}, "filters must each be named once, was: a, a"),
        ({"filters": [{"name": "a", "keep_all": True, "rules": {}}]}, "keep_all must stand without"),
        ({"seed": [1]}, "matrix.seed: unknown key; did you mean 'seeds'"),
        ({"subsample": 1.5}, "matrix.subsample: .*less than 1"),
        ({"projections": [{"name": "x", "projection": {"kind": "no"}}]}, "kind must be one of aligned"),
    ],
)  # fmt: skip
def test_wrong_settings_are_told_when_the_recipe_is_loaded(
    tmp_path: Path, matrix: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        matrix_recipe(tmp_path, matrix)


def test_languages_are_known_by_any_of_their_codes(tmp_path: Path) -> None:
    assert settings(matrix_recipe(tmp_path, {"targets": ["es"]})).targets == ("spa",)


def test_a_matrix_without_a_cell_that_runs_is_an_error(tmp_path: Path) -> None:
    recipe = matrix_recipe(tmp_path, {"strategies": ["supervised"]})
    with pytest.raises(
        RecipeError, match=r"(?s)cell that can run, was: none of 1\n  spa.*supervised"
    ):
        met(recipe, expand(recipe))


def test_faults_of_components_skip_their_cells_only(tmp_path: Path) -> None:
    lost = {"name": "lost", "projection": {"kind": "markers", "style": "letters"}}
    scored = {"name": "odd", "rules": {"agreement": {"min": 0.5}}}  # a rule on a score no row gets
    recipe = matrix_recipe(
        tmp_path, {"projections": [lost], "filters": [{"name": "rules"}, scored]}
    )
    found = met(recipe, expand(recipe))
    told = {(c.strategy, c.filter): c.reason for c in found}
    assert told["zero_shot", None] is None
    assert told["translate_train", "rules"] is None
    assert "Rules must be on scores that rows get" in str(told["translate_train", "odd"])


def test_the_toy_is_what_the_cells_say(tmp_path: Path) -> None:
    assert TEST.startswith("Ana B-PER")
    assert expand(toy_recipe(tmp_path))[0].label == "spa.translate_train.markers.rules.crf.s1"
