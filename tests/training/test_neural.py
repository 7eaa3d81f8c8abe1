from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.training.toy_tasks import TOYS, topics
from xltpipe.errors import DataError, RecipeError
from xltpipe.kinds import Task
from xltpipe.protocols import Scoring
from xltpipe.training import BiGru, CharCnn
from xltpipe.types import Example, Span

torch = pytest.importorskip("torch")

SMALL = {"depth": 16, "filters": 24, "learning_rate": 5e-3, "batch_size": 8, "epochs": 12}
CASES = [(CharCnn, "classification"), (BiGru, "pairs"), (BiGru, "spans")]


pytestmark = pytest.mark.usefixtures("one_thread")


def train(
    home: Path, spec: Any, task: Task, examples: list[Example], dev: list[Example] | None = None
) -> dict[str, Any]:
    spec.build(3, task).train(iter(examples), iter(dev or []), home)
    report: dict[str, Any] = json.loads((home / "report.json").read_text("utf-8"))
    return report


@pytest.mark.parametrize(("kind", "task"), CASES)
def test_learns_the_same_each_time(tmp_path: Path, kind: Any, task: Task) -> None:
    spec, examples = kind(**SMALL), TOYS[task]
    state = torch.random.get_rng_state()
    train(tmp_path / "a", spec, task, examples)
    torch.rand(3)
    train(tmp_path / "b", spec, task, examples)
    torch.random.set_rng_state(state)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["model.safetensors", "report.json", "settings.json"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    tagger = spec.load(tmp_path / "a")
    assert isinstance(tagger, Scoring) == (task != "spans")
    predicted = tagger.predict([replace(e, spans=(), label=None) for e in examples])
    right = sum(a == b for a, b in zip(examples, predicted, strict=True))
    assert right >= 0.9 * len(examples)


def test_threads_do_not_change_the_bytes(tmp_path: Path) -> None:
    """Words that occur often have gradients from many places, which threads must not share out."""
    torch.set_num_threads(2)
    many = [replace(e, id=f"{n}-{e.id}") for n in range(4) for e in TOYS["classification"]]
    spec = BiGru(**SMALL | {"epochs": 2, "batch_size": 64})
    for name in "abc":
        train(tmp_path / name, spec, "classification", many)
    assert len({(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"}) == 1


def test_a_batch_does_not_change_probabilities(tmp_path: Path) -> None:
    for spec in (CharCnn(**SMALL | {"epochs": 1}), BiGru(**SMALL | {"epochs": 1})):
        home = tmp_path / spec.kind
        train(home, spec, "classification", topics())
        tagger = spec.load(home)
        texts = ["", "a", "球队赢得比赛", "The team won", "word " * 300 + "x" * 90]
        given = [Example(str(i), "mul", (text,)) for i, text in enumerate(texts)]
        whole = tagger.probabilities(given)
        for one, together in zip(given, whole, strict=True):
            assert tagger.probabilities([one])[0] == pytest.approx(together, abs=1e-5)
            assert sum(together.values()) == pytest.approx(1)


def test_the_best_epoch_is_restored(tmp_path: Path) -> None:
    # dev is labelled the other way round: the more is learnt, the worse
    dev = [replace(e, label={"sport": "health", "health": "sport"}[str(e.label)]) for e in topics()]
    settings = SMALL | {"dropout": 0.0}
    report = train(tmp_path / "a", CharCnn(**settings, patience=2), "classification", topics(), dev)
    assert report["epochs"] == report["best_epoch"] + 2 < SMALL["epochs"]
    short = settings | {"epochs": report["best_epoch"]}
    train(tmp_path / "b", CharCnn(**short), "classification", topics(), dev)
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in "ab"]
    assert models[0] == models[1]
    with pytest.raises(DataError, match="must be there for patience, was: patience=2"):
        train(tmp_path / "c", CharCnn(**SMALL, patience=2), "classification", topics())


def test_rare_labels_weigh_as_much_when_balanced(tmp_path: Path) -> None:
    mixed = [Example(str(i), "eng", ("so so",), label="much") for i in range(36)]
    mixed += [Example(f"r{i}", "eng", ("so so",), label="rare") for i in range(4)]
    found = []
    for weights in ("none", "balanced"):
        spec = CharCnn(**SMALL, class_weights=weights)
        train(tmp_path / weights, spec, "classification", mixed)
        found.append(spec.load(tmp_path / weights).probabilities(mixed[:1])[0]["rare"])
    assert found[0] < 0.25
    assert found[1] == pytest.approx(0.5, abs=0.2)


def test_masked_words_are_not_learnt_as_unlabelled(tmp_path: Path) -> None:
    kept = [replace(e, spans=tuple(s for s in e.spans if s.label == "PER")) for e in TOYS["spans"]]
    masked = [replace(e, masked=(0,)) for e in kept]
    spec = BiGru(**SMALL)
    train(tmp_path / "m", spec, "spans", [*masked, *TOYS["spans"][:10]])
    tagged = spec.load(tmp_path / "m").predict([replace(e, spans=()) for e in TOYS["spans"]])
    found = sum(s.label == "LOC" for e in tagged for s in e.spans)
    train(tmp_path / "k", spec, "spans", [*kept, *TOYS["spans"][:10]])
    tagged = spec.load(tmp_path / "k").predict([replace(e, spans=()) for e in TOYS["spans"]])
    assert found > 2 * sum(s.label == "LOC" for e in tagged for s in e.spans)


def test_what_dev_does_not_ask_is_no_dev(tmp_path: Path) -> None:
    lost = [replace(e, spans=(), masked=(0,)) for e in TOYS["spans"][:4]]
    spec = BiGru(**SMALL | {"epochs": 3}, patience=1)
    with pytest.raises(DataError, match="must be there for patience, was: patience=1"):
        train(tmp_path / "none", spec, "spans", TOYS["spans"], lost)
    held = TOYS["spans"][4:6]
    found = [
        train(tmp_path / str(len(dev)), spec, "spans", TOYS["spans"], dev)
        for dev in (held, [*held, *lost])
    ]
    assert found[0] == found[1]


def test_spans_stand_on_the_words_of_the_data(tmp_path: Path) -> None:
    spec = BiGru(**SMALL | {"epochs": 2})
    report = train(tmp_path / "m", spec, "spans", TOYS["spans"], [TOYS["spans"][0]])
    assert report["dev_loss"] > 0
    text = "Hassan lives in Accra."
    tokens = ((0, 6), (7, 12), (13, 15), (16, 22))
    done = spec.load(tmp_path / "m").predict(
        [Example("1", "eng", (text, "", text), tokens=tokens), Example("2", "eng", ("",))]
    )
    starts = {start for start, _ in tokens}
    assert all(s.start in starts for s in done[0].spans if s.text == 0)
    assert done[1].spans == ()


def test_wrong_use_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match='one of classification, pairs, was: "spans"'):
        CharCnn().build(1, "spans")
    spec = CharCnn(**SMALL | {"epochs": 1})
    train(tmp_path / "m", spec, "classification", topics())
    with pytest.raises(DataError, match='must be of kind "bigru", was: "charcnn"'):
        BiGru().load(tmp_path / "m")
    model = tmp_path / "m" / "model.safetensors"
    model.write_bytes(model.read_bytes()[:-9])
    with pytest.raises(DataError, match="train the model again"):
        spec.load(tmp_path / "m")
    lone = [Example("1", "eng", ("Kano",), (Span(0, 4, "LOC"),))]
    with pytest.raises(DataError, match="at least one sentence"):
        train(tmp_path / "n", BiGru(**SMALL), "spans", [])
    train(tmp_path / "one", BiGru(**SMALL | {"epochs": 1}), "spans", lone)
