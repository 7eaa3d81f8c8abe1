from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.toy_tasks import questions
from xltpipe.errors import DataError
from xltpipe.evaluation import Retrieval
from xltpipe.protocols import Tagger
from xltpipe.training import AnswerRanker
from xltpipe.training.answer_candidates import NUMBERS, Asking, candidates
from xltpipe.types import Example, Span


def trained(home: Path, examples: list[Example]) -> Tagger:
    AnswerRanker().build(1, "qa").train(iter(examples), iter([]), home)
    return AnswerRanker().load(home)


def test_finds_answers_in_contexts_that_it_has_not_seen(tmp_path: Path) -> None:
    taught = [e for e in questions() if "Grace" not in e.id]
    held = [e for e in questions() if "Grace" in e.id]
    tagger = trained(tmp_path / "m", taught)
    predicted = tagger.predict([replace(e, spans=()) for e in held])
    right = sum(a.spans == b.spans for a, b in zip(held, predicted, strict=True))
    assert right >= 0.8 * len(held)
    names = sorted(path.name for path in (tmp_path / "m").iterdir())
    assert names == ["model.safetensors", "report.json", "settings.json", "vocabulary.json"]


def test_the_best_answers_are_a_list_that_retrieval_measures(tmp_path: Path) -> None:
    taught = [e for e in questions() if "Grace" not in e.id]
    held = [e for e in questions() if "Grace" in e.id]
    bare = [replace(e, spans=()) for e in held]
    one = trained(tmp_path / "one", taught).predict(bare)
    several = AnswerRanker(n_best=5)
    several.build(1, "qa").train(iter(taught), iter([]), tmp_path / "five")
    five = several.load(tmp_path / "five").predict(bare)
    assert [e.spans[:1] for e in five] == [e.spans for e in one]
    assert all(len(set(e.spans)) == 5 for e in five)
    assert [e.spans[0] for e in five] == [e.spans[0] for e in held]
    assert Retrieval(k=5).build({}).measure(held, five).value == 1
    second = [replace(e, spans=e.spans[1:2]) for e in five]
    assert Retrieval(k=5).build({}).measure(second, five).value == 0.5


def test_two_trainings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        trained(tmp_path / name, questions())
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_questions_without_answer_are_learnt_and_lost_answers_are_not(tmp_path: Path) -> None:
    context = "The dog slept. The cat ran over there."
    none = [Example(f"n{i}", "eng", (f"Who lives in place {i}?", context)) for i in range(12)]
    tagger = trained(tmp_path / "m", [*questions(), *none, replace(none[0], masked=(1,))])
    report = json.loads((tmp_path / "m" / "report.json").read_text("utf-8"))
    assert (report["unanswerable"], report["masked_questions"]) == (12, 1)
    assert all(not e.spans for e in tagger.predict(none))
    found = tagger.predict([replace(e, spans=()) for e in questions()])
    assert sum(a.spans == b.spans for a, b in zip(questions(), found, strict=True)) >= 12
    always = trained(tmp_path / "all", questions())
    assert all(len(e.spans) == 1 for e in always.predict(none))


def test_any_text_is_read(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", questions())
    texts = [
        ("", ""),
        ("¿Quién?", "   "),
        ("谁住在北京？", "王明住在北京。"),
        ("Who", "..."),
        ("?", "🎉"),
    ]
    done = tagger.predict([Example(str(i), "mul", t) for i, t in enumerate(texts)])
    assert [len(e.spans) for e in done] == [0, 0, 1, 0, 0]
    with pytest.raises(DataError, match="two texts, question and context, was: 1"):
        tagger.predict([Example("1", "eng", ("?",))])


def test_candidates_lie_inside_sentences() -> None:
    context = 'He paid $5.50 (in 1990). "Old Rex" barked.'
    seen = candidates("How much?", context, Asking(frozenset({"how"}), {}, 4))
    found = {context[a:b] for a, b in seen.bounds}
    assert {"$5.50", "1990", "Old Rex", '"Old Rex"', "5.50 (in 1990"} <= found | {"5.50 (in 1990"}
    assert not {text for text in found if "). " in text or text.endswith(".")}
    assert seen.numbers.shape == (len(seen.bounds), NUMBERS)
    assert seen.rows.shape == (len(seen.bounds), 3)
    assert seen.rows.max() < len(seen.terms)


def test_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one answered question, was: none in 1"):
        trained(tmp_path / "m", [Example("1", "eng", ("Who?", "Nobody."))])
    far = Example("2", "eng", ("Who?", "A b."), (Span(2, 4, "answer", 1),))
    trained(tmp_path / "m", [*questions(), far])  # "b." ends with a mark: "b" is taken
    assert json.loads((tmp_path / "m" / "report.json").read_text("utf-8"))["unreachable"] == 0
