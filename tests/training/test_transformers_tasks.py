"""Labels, answers and choices with transformers; early stopping, and going on after a stop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.toy_tasks import TOYS, choices, questions, topics
from xltpipe import progress
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Resuming, Scoring
from xltpipe.training import Transformers
from xltpipe.training.answer_windows import AnswerWindow
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.small_bert import SmallBert
from xltpipe.training.transformers_answers import Windowing, best_answer
from xltpipe.types import Example

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = SmallBert(layers=1, width=32, heads=2, vocabulary=400)


pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(epochs: int, **more: Any) -> Transformers:
    settings = {"learning_rate": 5e-3, "batch_size": 8, "max_tokens": 48, "overlap": 12} | more
    return Transformers(config=TINY, epochs=epochs, device="cpu", **settings)


def train(
    home: Path, spec: Transformers, task: Task, examples: Any, dev: Any = ()
) -> dict[str, Any]:
    spec.build(5, task).train(iter(examples), iter(dev), home)
    report: dict[str, Any] = json.loads((home / "report.json").read_text("utf-8"))
    assert not home.with_name(f"{home.name}.work").exists()
    return report


def denied() -> list[Example]:
    """Choices that a model without attention between texts can learn: wrong options deny."""
    return [
        replace(e, texts=(e.texts[0], *(_denied(e, n) for n in range(len(e.texts) - 1))))
        for e in choices()
    ]


def _denied(example: Example, option: int) -> str:
    text = example.texts[1 + option]
    return text if example.label == str(option) else text.replace("it is", "it never was")


@pytest.mark.parametrize(
    ("task", "epochs", "needed"),
    [("classification", 12, 0.9), ("pairs", 25, 0.8), ("choice", 12, 0.9)],
)
def test_learns_labels(tmp_path: Path, task: Task, epochs: int, needed: float) -> None:
    examples = denied() if task == "choice" else TOYS[task]
    report = train(tmp_path / "m", tiny(epochs), task, examples, examples[:4])
    assert report["truncated_texts"] == 0
    assert report["dev_loss"] < 1
    tagger = tiny(1).load(tmp_path / "m")
    assert isinstance(tagger, Scoring)
    predicted = tagger.predict([replace(e, label=None) for e in examples])
    right = sum(a == b for a, b in zip(examples, predicted, strict=True))
    assert right >= needed * len(examples)
    likely = tagger.probabilities(examples)
    alone = [tagger.probabilities([e])[0] for e in examples[:5]]
    assert alone == [pytest.approx(p, abs=1e-5) for p in likely[:5]]
    assert all(sum(p.values()) == pytest.approx(1) for p in likely)


def test_learns_answers(tmp_path: Path) -> None:
    who = [e for e in questions() if e.id.endswith("Who")]
    report = train(tmp_path / "m", tiny(25, batch_size=4), "qa", who, who[:2])
    assert report["windows"] == len(who)
    predicted = tiny(1).load(tmp_path / "m").predict([replace(e, spans=()) for e in who])
    right = sum(a.spans == b.spans for a, b in zip(who, predicted, strict=True))
    assert right >= 0.8 * len(who)


def test_long_contexts_are_windowed_and_some_have_no_answer(tmp_path: Path) -> None:
    long = [
        replace(
            e,
            texts=(e.texts[0], "So it went. " * 9 + e.texts[1]),
            spans=tuple(replace(s, start=s.start + 108, end=s.end + 108) for s in e.spans),
        )
        for e in questions()[:6]
    ]
    none = Example("none", "eng", ("Who?", "So it went. " * 9))
    report = train(tmp_path / "m", tiny(1), "qa", [*long, none])
    assert report["unanswerable"] == 1
    assert report["windows"] > 2 * len(long)
    done = tiny(1).load(tmp_path / "m").predict([*long, Example("e", "eng", ("", ""))])
    assert all(len(e.spans) <= 1 for e in done)
    assert json.loads((tmp_path / "m" / "settings.json").read_text("utf-8"))["null_answers"]


def test_windows_hold_the_context_whole() -> None:
    context = questions()[0].texts[1] * 5
    cut = Windowing(learn_tokenizer([context], 300, 32), 32, 8)
    windows = cut("Who lives in Kano? " * 9, context)
    assert cut.counts["truncated_questions"] == 1
    covered = {at for window in windows for a, b in window.bounds for at in range(a, b)}
    assert covered >= {at for at, char in enumerate(context) if not char.isspace()}
    assert all(len(window.inputs["input_ids"]) <= 32 for window in windows)


def test_the_best_stretch_begins_before_it_ends() -> None:
    window = AnswerWindow({}, (None, None, (0, 1), (2, 5), (6, 9)), 0)
    starts, ends = [1.0, 0, 0, 3, 5], [1.0, 0, 4, 2, 1]
    assert best_answer(window, starts, ends) == (4.0, (6, 9))
    assert best_answer(AnswerWindow({}, (None,), 0), [1.0], [1.0]) is None


@pytest.mark.parametrize("patience", [None, 9])
def test_a_training_that_was_stopped_goes_on(
    tmp_path: Path, patience: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tiny(4, patience=patience)
    train(tmp_path / "whole", spec, "classification", topics(), topics()[:8])
    steps, tick = [0], progress.tick

    def stopping(step: str, rows: int) -> None:
        steps[0] += step == "train"
        if steps[0] == 15:  # in the third of four epochs of six steps
            raise progress.Stopped
        tick(step, rows)

    kept, home = tmp_path / "kept", tmp_path / "broken"
    monkeypatch.setattr(progress, "tick", stopping)
    trainer = spec.build(5, "classification")
    assert isinstance(trainer, Resuming)
    trainer.keep(kept)
    with pytest.raises(progress.Stopped):
        trainer.train(iter(topics()), iter(topics()[:8]), home / "first")
    saved = sorted(path.name for path in kept.glob("checkpoint-*"))
    assert saved == ["checkpoint-12", "checkpoint-6"]
    (kept / "checkpoint-18").mkdir()  # one that was not written whole is passed over
    trainer = spec.build(5, "classification")
    trainer.keep(kept)
    trainer.train(iter(topics()), iter(topics()[:8]), home / "second")
    assert steps[0] == 15 + 12
    assert not kept.exists()
    for name in ("model.safetensors", "report.json", "settings.json"):
        assert (home / "second" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_checkpoints_of_another_training_are_not_taken(tmp_path: Path) -> None:
    work = tmp_path / "m.work"
    (work / "checkpoint-6").mkdir(parents=True)
    (work / "checkpoint-6" / "whole").touch()
    (work / "of").write_text("something else")
    train(tmp_path / "m", tiny(1), "classification", topics())


def test_the_best_epoch_is_restored(tmp_path: Path) -> None:
    dev = [replace(e, label={"sport": "health", "health": "sport"}[str(e.label)]) for e in topics()]
    report = train(tmp_path / "m", tiny(9, patience=2), "classification", topics(), dev)
    assert report["epochs"] == report["best_epoch"] + 2 < 9
    tagger = tiny(1).load(tmp_path / "m")
    likely = tagger.probabilities(dev)  # type: ignore[attr-defined]
    given = torch.tensor([p[str(e.label)] for p, e in zip(likely, dev, strict=True)])
    assert float(-given.log().mean()) == pytest.approx(report["dev_loss"], abs=1e-3)
    with pytest.raises(DataError, match="must be there for patience"):
        train(tmp_path / "n", tiny(2, patience=1), "classification", topics())


def test_rare_labels_weigh_as_much_when_balanced(tmp_path: Path) -> None:
    mixed = [Example(str(i), "eng", ("so so",), label="much") for i in range(36)]
    mixed += [Example(f"r{i}", "eng", ("so so",), label="rare") for i in range(4)]
    found = []
    for weights in ("none", "balanced"):
        spec = tiny(6, class_weights=weights)
        train(tmp_path / weights, spec, "classification", mixed)
        tagger = spec.load(tmp_path / weights)
        found.append(tagger.probabilities(mixed[:1])[0]["rare"])  # type: ignore[attr-defined]
    assert found[0] < 0.25
    assert found[1] == pytest.approx(0.5, abs=0.2)
    train(tmp_path / "spans", tiny(1, class_weights="balanced"), "spans", TOYS["spans"])


def test_a_model_of_one_task_learns_another(tmp_path: Path) -> None:
    train(tmp_path / "first", tiny(1), "spans", TOYS["spans"])
    for task in ("pairs", "qa", "choice"):
        spec = tiny(1).model_copy(update={"config": None, "model": str(tmp_path / "first")})
        train(tmp_path / task, spec, task, TOYS[task])  # type: ignore[arg-type]


def test_long_texts_are_cut_off_and_told(tmp_path: Path) -> None:
    long = [replace(e, texts=(e.texts[0] * 30,)) for e in topics()[::6]]
    report = train(tmp_path / "m", tiny(1), "classification", long)
    assert report["truncated_texts"] == len(long)
    before = len(progress.notes)
    tiny(1).load(tmp_path / "m").predict(long)
    assert f"{len(long)} texts of {len(long)} examples cut off" in progress.notes[before]


def test_wrong_use_is_told() -> None:
    with pytest.raises(RecipeError, match='class_weights must be "none" for task "qa"'):
        tiny(1, class_weights="balanced").build(1, "qa")
    with pytest.raises(RecipeError, match='was: "events"'):
        tiny(1).build(1, "events")
    assert choices()[0].label == "0"
