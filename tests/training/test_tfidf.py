from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.training.toy_tasks import TOYS, choices, pairs, topics
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import TASKS, Task
from xltpipe.protocols import Scoring
from xltpipe.training import Tfidf, default_trainer
from xltpipe.training.labelled import balanced
from xltpipe.training.tfidf_features import NUMBERS, Relation, grams, words
from xltpipe.types import Example

LEARNT: list[Task] = ["classification", "pairs", "choice"]


def trained(
    home: Path, task: Task, examples: list[Example] | None = None, **spec: object
) -> Scoring:
    settings = Tfidf.model_validate(spec)
    given = TOYS[task] if examples is None else examples
    settings.build(1, task).train(iter(given), iter([]), home)
    tagger = settings.load(home)
    assert isinstance(tagger, Scoring)
    return tagger


@pytest.mark.parametrize("task", LEARNT)
def test_learns_what_is_held_out(tmp_path: Path, task: Task) -> None:
    taught = [e for i, e in enumerate(TOYS[task]) if i % 4]
    held = [e for i, e in enumerate(TOYS[task]) if i % 4 == 0]
    tagger = trained(tmp_path / "m", task, taught)
    predicted = tagger.predict([replace(e, label=None) for e in held])
    right = sum(a.label == b.label for a, b in zip(held, predicted, strict=True))
    assert right >= 0.85 * len(held)


@pytest.mark.parametrize("task", LEARNT)
def test_two_trainings_give_the_same_bytes_without_pickle(tmp_path: Path, task: Task) -> None:
    for name in "ab":
        trained(tmp_path / name, task)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["model.safetensors", "report.json", "settings.json", "vocabulary.json"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_order_of_options_does_not_matter(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", "choice")
    example = choices()[3]
    turned = replace(example, texts=(example.texts[0], *reversed(example.texts[1:])))
    one, two = tagger.probabilities([example, turned])
    last = len(example.texts) - 2
    assert {str(last - int(n)): p for n, p in one.items()} == pytest.approx(two, abs=1e-12)


def test_a_context_may_stand_before_the_question(tmp_path: Path) -> None:
    asked = [
        replace(e, texts=(f"{e.texts[0]} (context)", "Which one?", *e.texts[1:])) for e in choices()
    ]
    tagger = trained(tmp_path / "m", "choice", asked, prompts=2)
    assert [e.label for e in tagger.predict(asked)] == [e.label for e in asked]
    with pytest.raises(DataError, match=r"at least 4 texts \(2 asking, then options\), was: 3"):
        tagger.predict([Example("1", "eng", ("a", "b", "c"))])


def test_rare_labels_weigh_as_much_when_balanced(tmp_path: Path) -> None:
    mixed = [Example(str(i), "eng", (f"so so {i}",), label="much") for i in range(40)]
    mixed += [Example(f"r{i}", "eng", (f"so so {i}",), label="rare") for i in range(4)]
    plain = trained(tmp_path / "a", "classification", mixed)
    fair = trained(tmp_path / "b", "classification", mixed, class_weights="balanced")
    unseen = [Example("x", "eng", ("so so",))]
    assert plain.probabilities(unseen)[0]["rare"] < 0.2
    assert fair.probabilities(unseen)[0]["rare"] == pytest.approx(0.5, abs=0.15)
    assert balanced({"much": 40, "rare": 4}, ["much", "rare", "none"]) == [0.55, 5.5, 1.0]


def test_texts_of_nothing_known_are_labelled_too(tmp_path: Path) -> None:
    tagger = trained(tmp_path / "m", "classification")
    done = tagger.predict([Example("1", "eng", ("",)), Example("2", "eng", ("ᓄᓇᕗᑦ",))])
    assert all(e.label in {"sport", "health"} for e in done)


def test_report_counts_what_was_left_out(tmp_path: Path) -> None:
    trained(tmp_path / "m", "classification", [*topics(), Example("none", "eng", ("?",))])
    report = json.loads((tmp_path / "m" / "report.json").read_text("utf-8"))
    assert report["examples"] == len(topics()) + 1
    assert report["unlabelled"] == 1
    assert report["label_counts"] == {"health": 24, "sport": 24}


@pytest.mark.parametrize(
    ("task", "examples", "match"),
    [
        ("classification", [], "at least one labelled example, was: none in 0"),
        ("classification", [Example("1", "eng", ("a",))], "was: none in 1"),
        ("classification", topics()[:3], "at least two labels, was: 'sport' alone in 3"),
        ("pairs", topics(), r"must have two texts, was: 1 \(example 'sport-0-today'\)"),
        ("choice", pairs(), "at least 3 texts"),
        ("choice", [replace(choices()[0], label="3")], r"number of an option \(0\.\.2\), was: '3'"),
    ],
)
def test_what_cannot_be_learnt_is_told(
    tmp_path: Path, task: Task, examples: list[Example], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        trained(tmp_path / "m", task, examples)
    assert not (tmp_path / "m").exists()


def test_a_damaged_model_is_told(tmp_path: Path) -> None:
    trained(tmp_path / "m", "pairs")
    for name in ("vocabulary.json", "model.safetensors"):
        file = tmp_path / "m" / name
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match="train the model again"):
            Tfidf().load(tmp_path / "m")
        file.write_bytes(whole)
    Tfidf().load(tmp_path / "m")


def test_other_tasks_are_refused() -> None:
    with pytest.raises(RecipeError, match='one of choice, classification, pairs, was: "spans"'):
        Tfidf().build(1, "spans")


def test_each_task_has_a_trainer_without_weights_or_is_refused() -> None:
    kinds = {"spans": "crf", "classification": "tfidf", "pairs": "tfidf", "choice": "tfidf"}
    kinds |= {"qa": "answer_ranker", "events": "event_crf"}
    for task in TASKS:
        if task in kinds:
            spec = default_trainer(task)  # type: ignore[arg-type]
            assert (spec.kind, task in spec.tasks) == (kinds[task], True)
        else:
            with pytest.raises(RecipeError, match=f'was: "{task}"'):
                default_trainer(task)  # type: ignore[arg-type]


def test_terms() -> None:
    assert words("The CAT, sat!") == ["the", "cat", ",", "sat", "!"]
    found = list(grams(["ab", "c"], 2, (2, 3)))
    assert found == [
        "w ab",
        "w c",
        "w ab c",
        "c  a",
        "c ab",
        "c b ",
        "c  ab",
        "c ab ",
        "c  c",
        "c c ",
        "c  c ",
    ]
    relation = Relation.of(words("A man runs."), words("No man sleeps."))
    assert set(relation.terms()) == {
        "both man",
        *("left a", "left runs", "right no", "right sleeps"),
        *("x a no", "x a sleeps", "x runs no", "x runs sleeps"),
    }
    numbers = relation.numbers()
    assert len(numbers) == NUMBERS
    assert numbers[0] == pytest.approx(1 / 5)
    assert numbers[9:11] == [0.0, 1.0]  # the second denies
    assert Relation.of([], []).numbers() == [0.0] * NUMBERS
