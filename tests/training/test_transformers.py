from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from tests.training.toy import toy
from xltpipe.errors import DataError, RecipeError
from xltpipe.training import TrainerSpec, Transformers
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.small_bert import SmallBert
from xltpipe.training.windows import cut
from xltpipe.types import Example, Span

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = SmallBert(layers=1, width=32, heads=2, vocabulary=400)


pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(epochs: int = 20) -> Transformers:
    return Transformers(
        config=TINY,
        epochs=epochs,
        learning_rate=5e-3,
        batch_size=8,
        max_tokens=24,
        overlap=6,
        device="cpu",
    )


def test_learns_the_same_from_scratch_each_time(tmp_path: Path) -> None:
    for name in "ab":
        tiny().build(7).train(iter(toy()), toy()[:3], tmp_path / name)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "model.safetensors" in names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pth"))]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()

    report = json.loads((tmp_path / "a" / "report.json").read_text("utf-8"))
    assert report["spans"] == 2 * report["examples"] == 2 * len(toy())
    assert report["dev_loss"] < 0.5
    tagger = tiny().load(tmp_path / "a")
    predicted = tagger.predict([replace(example, spans=()) for example in toy()])
    right = sum(a.spans == b.spans for a, b in zip(toy(), predicted, strict=True))
    assert right >= 0.9 * len(toy())
    assert tagger.predict([]) == []
    assert tagger.predict([Example("e", "eng", ("",))])[0].spans == ()


@pytest.mark.slow
def test_checkpoint_in_a_folder_is_tuned_on_other_labels(tmp_path: Path) -> None:
    tiny(epochs=1).build(1).train(toy(), [], tmp_path / "first")
    spec = tiny().model_copy(update={"config": None, "model": str(tmp_path / "first")})
    people = [
        replace(e, spans=tuple(replace(s, label="NAME") for s in e.spans if s.label == "PER"))
        for e in toy()
    ]
    spec.build(1).train(people, [], tmp_path / "second")
    report = json.loads((tmp_path / "second" / "report.json").read_text("utf-8"))
    assert report["labels"] == ["NAME"]
    assert spec.identity()["model!"] == spec.fingerprint()["model"]
    predicted = spec.load(tmp_path / "second").predict([replace(e, spans=()) for e in people])
    assert sum(a.spans == b.spans for a, b in zip(people, predicted, strict=True)) > 20


def test_long_text_is_windowed_not_cut(tmp_path: Path) -> None:
    long = " ".join(example.texts[0] for example in toy())
    end = len(long)
    start = long.rindex("दिल्ली")
    example = Example("long", "mul", (long,), (Span(start, start + 6, "LOC"),))
    assert start > 0.8 * end
    tiny(epochs=1).build(1).train([example], [], tmp_path / "model")
    report = json.loads((tmp_path / "model" / "report.json").read_text("utf-8"))
    assert report["windowed_sentences"] == 1
    assert report["windows"] > 10
    assert report["hidden_words"] == 0


TEXTS = [
    "Amina lives in Kano .",
    "سلمى يسكن في القاهرة .",
    "東京で会う 🎉🎉",
    "मीरा मुंबई में रहती है ।",
]


@pytest.mark.parametrize("length", [8, 12, 64])
@pytest.mark.parametrize("text", [*TEXTS, " ".join(TEXTS)])
def test_each_word_has_its_place(text: str, length: int) -> None:
    from xltpipe.text import tokenise

    tokenizer = learn_tokenizer(TEXTS, 300, length)
    bounds = tokenise(text).bounds
    windows = cut(tokenizer, text, bounds, length, 2)
    assert all(len(inputs["input_ids"]) <= length for inputs in windows.inputs)
    assert windows.hidden == 0
    assert len(windows.places) == len(bounds)
    whole = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    for place, (start, end) in zip(windows.places, bounds, strict=True):
        window, at = place or (-1, -1)
        piece = windows.inputs[window]["input_ids"][at]
        first = next(i for i, (a, b) in enumerate(whole) if a < end and b > start)
        assert piece == tokenizer(text)["input_ids"][first]


def test_words_that_share_a_sub_token_are_counted() -> None:
    text = "東京 東京 東京"
    tokenizer = learn_tokenizer([text] * 9, 300, 16)  # learns 東京 as one piece
    windows = cut(tokenizer, text, [(0, 1), (1, 2), (3, 4), (4, 5)], 16, 2)
    assert windows.places[0] == windows.places[1]
    assert windows.hidden == 2


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ("/no/such/folder", r"must be a folder that is there.*correct the path"),
        ("./models/none", r"must be a folder that is there, was: '\./models/none'"),
    ],
)
def test_missing_folder(tmp_path: Path, model: str, match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        Transformers(model=model).build(1).train(toy(), [], tmp_path / "model")
    with pytest.raises(RecipeError, match=match):
        Transformers(model=model).identity()


def test_hub_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(name: str, *, revision: str, timeout: int) -> None:
        raise ConnectionError(f"no route to {name}@{revision} in {timeout} s")

    monkeypatch.setattr("huggingface_hub.model_info", unreachable)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    spec = Transformers(model="nobody/no-such-model")
    with pytest.raises(RecipeError, match=r"hub that can be reached.*no route.*give the path"):
        spec.build(1).train(toy(), [], tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_folder_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    spec = Transformers(model=str(tmp_path / "empty"))
    with pytest.raises(RecipeError, match="folder with config, fast tokenizer and safetensors"):
        spec.build(1).train(toy(), [], tmp_path / "model")


def test_nothing_to_learn(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least one sentence"):
        tiny().build(1).train([], [], tmp_path / "model")
    with pytest.raises(DataError, match="at least one span"):
        tiny().build(1).train([Example("1", "eng", ("None.",))], [], tmp_path / "model")


def test_model_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold a settings\.json"):
        tiny().load(tmp_path)


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ({"kind": "transformers"}, "must have either model"),
        ({"kind": "transformers", "model": "x", "config": {}}, "must have either model"),
        ({"kind": "transformers", "model": "x", "max_tokens": 32}, "overlap must be less"),
        ({"kind": "transformers", "config": {"width": 9}}, "width must be a multiple of heads"),
        ({"kind": "crff"}, "'crf', 'event_crf', 'tfidf'"),
        ({"kind": "crf", "c3": 1}, "c3"),
    ],
)
def test_settings_are_checked(spec: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        TypeAdapter(TrainerSpec).validate_python(spec)


def test_identity_leaves_out_what_cannot_change_the_result() -> None:
    # a GPU trains in another precision, so the device can
    assert tiny().identity() != tiny().model_copy(update={"device": "auto"}).identity()
    assert "predict_batch_size" not in tiny().identity()
    assert tiny().identity()["config"]["width"] == 32
