"""Settings are asked once for all steps of a run, and no key changes by that."""

import json
from pathlib import Path

import pytest

from tests.toy_recipe import toy_recipe
from tests.toy_run import read, trained_aligners
from xltpipe import evaluating, scoring, steps
from xltpipe.durable import digest_json
from xltpipe.recipe import Recipe
from xltpipe.settled import canonical, once, settled
from xltpipe.store import Shard, Step, Store

PAIR = ("eng", "spa")


def every_step(recipe: Recipe, store: Store) -> list[Step]:
    """One step of each stage that has many, for two shards."""
    trained = trained_aligners(recipe, store, [], PAIR)
    tagger, choice = Shard("train", "t" * 64), Shard("choose", "c" * 64)
    found = []
    for number, shard in enumerate(read(recipe, store)):
        found += [
            steps.translate(recipe, store, shard, *PAIR),
            steps.project(recipe, store, shard, trained, PAIR),
            scoring.score(recipe, store, shard, trained, PAIR),
            scoring.judge(recipe, store, shard, shard, choice, number),
            scoring.judge(recipe, store, shard, shard),
            evaluating.predict_translated(recipe, store, shard, tagger),
        ]
    return found


def test_keys_are_the_same_within_and_without(tmp_path: Path) -> None:
    recipe, store = toy_recipe(tmp_path), Store(tmp_path / "store")
    without = [step.key for step in every_step(recipe, store)]
    with settled():
        within = [step.key for step in every_step(recipe, store)]
    assert within == without
    assert len(set(within)) == len(within) == 12
    for step in every_step(recipe, store):
        assert step.key == digest_json([step.stage, step.version, step.identity, list(step.inputs)])


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"b": [1, {"z": None, "a": True}], "a": {"é😀": 'q"'}},
        [1.5, 1e-9],
        {"n": {"1": 2}},
        "x",
        None,
    ],
)
def test_canonical_is_the_json_that_digests_are_made_of(value: object) -> None:
    whole = {"stage": "s", "of": {"k": value, "a": 1}}
    plain = json.dumps(whole, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    with settled():
        shared = once(lambda: value, "value")
        texts = [canonical({"stage": "s", "of": {"k": shared, "a": 1}}) for _ in range(2)]
    assert texts == [plain, plain] == [canonical(whole)] * 2


def test_settings_are_asked_once_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, store = toy_recipe(tmp_path), Store(tmp_path / "store")
    asked = []
    whole = type(recipe.translation).identity
    monkeypatch.setattr(
        type(recipe.translation), "identity", lambda spec: asked.append(1) or whole(spec)
    )
    with settled():
        every_step(recipe, store)
    assert len(asked) == 1
    every_step(recipe, store)
    assert len(asked) == 3  # one for each shard


def test_other_objects_have_other_answers() -> None:
    answers = iter(range(9))
    first, second = ["a"], ["a"]
    with settled():
        assert once(lambda: next(answers), "n", first) == 0
        assert once(lambda: next(answers), "n", second) == 1
        assert once(lambda: next(answers), "n", first) == 0
        assert once(lambda: next(answers), "m", first) == 2
        with settled():
            assert once(lambda: next(answers), "n", first) == 3
    assert once(lambda: next(answers), "n", first) == 4
