"""Sequential: recipes that cannot be, what is run for which language, keys of stages, cells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.sequential_recipe import TRAINER, WORDS, recipe, settings, table
from xltpipe import leaks, learning, progress, steps
from xltpipe.compared.cells import expand
from xltpipe.errors import RecipeError
from xltpipe.plan import plan
from xltpipe.preflight import preflight
from xltpipe.recipe_file import parse
from xltpipe.store import Store

REFUSED = [
    (
        {"training": {"kind": "tfidf"}},
        r"models can learn further \(bigru, charcnn, text_to_text, transformers\), was: 'tfidf'",
    ),
    (
        {"training": {"kind": "subsample", "share": 0.5, "of": {"kind": "tfidf"}}},
        "models can learn further .*, was: 'subsample'",
    ),
    ({"sequence": {"order": ["eng"]}}, r"sequence\.order: .*at least 2"),
    (
        {"sequence": {"order": ["eng", "fra"]}},
        r"of the source and the targets \(eng, spa, ara\), was: fra among them",
    ),
    ({"sequence": {"order": ["eng", "spa", "eng"]}}, "name each language once, was: eng, spa, eng"),
    (
        {"supervised": [{"lang": "spa", "data": table("spa.train")}]},
        r"needs training data for each target in its order, was: none for ara; add \[\[supervised",
    ),
    (
        {"sequence": {"order": ["spa", "ara"], "data": "supervised"}},
        "in a target language, was: en",
    ),
    ({"strategies": ["zero_shot"]}, "tests must be in a target language, was: eng"),
    ({"sequence": {"data": "magic"}}, r"sequence\.data"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_is_told(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(settings(**changes), Path("stages.toml"))


def test_what_is_run_for_which_language(tmp_path: Path) -> None:
    one = recipe(tmp_path, strategies=["sequential", "supervised"])
    assert one.order == ("eng", "spa", "ara")
    both = ("supervised", "sequential")
    assert one.arms == [("eng", ("sequential",)), ("spa", both), ("ara", both)]
    tests = [{"name": "own", "lang": "spa", "data": table("spa.test")}]
    backwards = recipe(tmp_path, tests=tests, sequence={"order": ["spa", "eng"]})
    assert backwards.arms == [("spa", ("sequential",)), ("ara", ())]
    assert backwards.signed_stage(1) == {
        "stage": "1",
        "learnt": "spa>eng",
        "data": "translate_train",
    }
    few = recipe(tmp_path, gold_rows=2)
    assert "gold_rows" not in few.signed("sequential")
    assert recipe(tmp_path, gold_rows=2, sequence={}).signed("sequential") == {
        "gold_rows": "2",
        "engine": "copy",
    }


def test_no_engine_is_asked_for_gold(tmp_path: Path) -> None:
    assert not recipe(tmp_path).labelling
    assert recipe(tmp_path, sequence={}).labelling


def test_a_stage_is_known_by_the_one_before(tmp_path: Path) -> None:
    one, store = recipe(tmp_path), Store(tmp_path / "store")
    made, _ = store.make(steps.read(one, one.train, "eng"))
    data = [learning.Portion("eng", tuple(steps.parts(store, made)))]
    first = learning.train(one, store, data)
    second = learning.train(one, store, data, (), first.shard)
    third = learning.train(one, store, data, (), second.shard)
    assert len({first.key, second.key, third.key}) == 3
    assert first.key == learning.train(one, store, data, (), None).key
    tagger, _ = store.make(first)
    again, _ = store.make(learning.train(one, store, data, (), tagger))
    assert again.key == second.key
    report = store.manifest(again)
    assert report is not None
    assert report["counts"]["new_characters"] == 0
    (tmp_path / "no").mkdir()
    tfidf = one.model_copy(
        update={
            "training": recipe(
                tmp_path / "no", strategies=["supervised"], tests=None, training=None
            ).training
        }
    )
    with pytest.raises(RecipeError, match="models can learn further, was: 'tfidf'"):
        store.make(learning.train(tfidf, store, data, (), tagger))


def test_a_plan_of_stages(tmp_path: Path) -> None:
    one, store = recipe(tmp_path), Store(tmp_path / "store")
    found = [(p.target, p.stage, p.shards, p.done, p.rows) for p in plan(one, store)]
    trains = [f for f in found if f[1] == "train"]
    assert [f[0] for f in trains] == ["eng"] * 3 + ["spa"] * 3 + ["ara"] * 3
    # stages are made once, for whichever language comes first
    assert [f[4] for f in trains] == [8, 8, 8, 0, 0, 0, 0, 0, 0]
    assert sum(f[1] == "evaluate" for f in found) == 9


def test_gold_of_stages_may_leak(tmp_path: Path) -> None:
    one = recipe(tmp_path)
    text = (tmp_path / "spa.test.tsv").read_text("utf-8")
    rows = (tmp_path / "spa.train.tsv").read_text("utf-8") + text.splitlines()[1] + "\n"
    (tmp_path / "spa.train.tsv").write_text(rows, encoding="utf-8")
    (leak,) = leaks.check(one)
    assert leak.where == "test own (spa) are in supervised (spa)"
    assert (
        leaks.check(
            one.model_copy(update={"sequence": recipe(tmp_path / ".", sequence={}).sequence})
        )
        == []
    )


def test_a_check_of_other_data_is_not_taken_for_one_of_gold(tmp_path: Path) -> None:
    gold, corpus = recipe(tmp_path), recipe(tmp_path, sequence={})
    assert steps.leaks(gold).key != steps.leaks(corpus).key


def test_tests_of_no_stage_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "notes", [])
    preflight(recipe(tmp_path, sequence={"order": ["eng", "spa"], "data": "supervised"}))
    (note,) = [one for one in progress.notes if "not scored" in one]
    assert note == "tests in ara are not scored: sequence.order does not name this language"


def test_cells_of_a_sequence(tmp_path: Path) -> None:
    matrix = {"strategies": ["sequential", "supervised"], "seeds": [1, 2]}
    one = recipe(tmp_path, strategies=["supervised"], matrix=matrix)
    cells = expand(one)
    assert all(cell.recipe is not None for cell in cells)
    sequential = [c for c in cells if c.strategy == "sequential"]
    assert [c.target for c in sequential] == ["eng", "eng", "spa", "spa", "ara", "ara"]
    assert {(c.projection, c.filter) for c in cells} == {(None, None)}  # gold knows neither
    for cell in sequential:
        assert cell.recipe is not None
        assert cell.recipe.targets == ("spa", "ara")
        assert [t.lang for t in cell.recipe.tests] == [cell.target]
        assert {s.lang for s in cell.recipe.supervised} == {"spa", "ara"}
    # the sequence is no part of what others are
    plain = recipe(tmp_path, strategies=["supervised"], matrix=matrix, sequence={}, tests=one.tests)
    others = [{c.run for c in expand(r) if c.strategy == "supervised"} for r in (one, plain)]
    assert others[0] == others[1]
    shorter = recipe(
        tmp_path, strategies=["supervised"], matrix=matrix, sequence={"order": ["eng", "spa"]}
    )
    reasons = {c.target: c.reason for c in expand(shorter) if c.strategy == "sequential"}
    assert reasons == {
        "eng": None,
        "spa": None,
        "ara": "sequence.order does not name this language",
    }
    crf = [{"name": "tfidf", "training": {"kind": "tfidf"}}, {"name": "cnn", "training": TRAINER}]
    mixed = recipe(tmp_path, strategies=["supervised"], matrix=matrix | {"trainings": crf})
    told = {c.training: c.reason for c in expand(mixed) if c.strategy == "sequential"}
    assert told["cnn"] is None
    assert "models can learn further" in str(told["tfidf"])
    assert set(WORDS) == {"eng", "spa", "ara"}
