"""A causal model of one or two layers that learns responses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.training.toy_dialogues import CHATML, chat, dialogues, translations
from xltpipe import progress, stages
from xltpipe.errors import DataError, RecipeError
from xltpipe.protocols import Writing
from xltpipe.training import Chat
from xltpipe.training.chat_model import SmallLlama
from xltpipe.training.chat_text import ChatText
from xltpipe.training.fitting import IGNORED, WHOLE, watched
from xltpipe.training.turns import turns
from xltpipe.types import Example

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

DEV = [*dialogues(), chat("user: Who?", "assistant: Tom.")]
"""Of different lengths, so that batches are filled up."""
TINY = SmallLlama(layers=1, width=32, heads=2, vocabulary=320)


pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(**changes: Any) -> Chat:
    given = {"config": TINY, "epochs": 1, "learning_rate": 5e-3, "batch_size": 6}
    given |= {"max_tokens": 96, "max_new_tokens": 16, "device": "cpu"}
    return Chat.model_validate(given | changes)


def report(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "report.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("chat") / "model"
    tiny(learning_rate=1e-9).build(1).train(dialogues(), DEV, home)
    return home


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("chat") / "model"
    wide = SmallLlama(layers=2, width=48, heads=2, vocabulary=320)
    rows = [replace(e, id=f"{e.id}-{n}") for e in dialogues() for n in range(40)]
    tiny(config=wide, epochs=3, batch_size=4).build(3).train(iter(rows), [], home)
    return home


def test_dialogues_are_learnt_by_heart(trained: Path) -> None:
    """What was said two turns before decides; what stands in the last text is not seen."""
    tagger = tiny(predict_batch_size=4).load(trained)
    assert isinstance(tagger, Writing)
    assert stages.predict(dialogues(), tagger) == dialogues()
    hidden = [replace(e, texts=(*e.texts[:-1], "No.")) for e in dialogues()]
    assert stages.predict(hidden, tagger) == dialogues()
    assert tagger.predict(hidden) == dialogues()
    assert tagger.predict([]) == []
    alone = tiny(predict_batch_size=1, beams=3).load(trained)
    assert alone.predict(hidden) == dialogues()


def test_the_loss_is_that_of_responses(untrained: Path) -> None:
    """The loss on dev, by transformers' Trainer, against one summed up here over responses."""
    model = transformers.AutoModelForCausalLM.from_pretrained(untrained)
    tokenizer = transformers.AutoTokenizer.from_pretrained(untrained)
    total = count = 0.0
    for example in DEV:
        text = ChatText(tokenizer)
        row = text.row(turns(example), 96, every=True)
        assert row is not None
        with torch.no_grad():
            likely = model(torch.tensor([row.ids])).logits[0].log_softmax(-1)
        for n, label in enumerate(row.labels):
            if label != IGNORED:
                total, count = total - float(likely[n - 1, label]), count + 1
    said = report(untrained)
    assert said["dev_loss"] == pytest.approx(total / count, rel=1e-4)
    assert said["response_tokens"] < count < 0.5 * said["tokens"]
    assert said["responses"] == 8


def test_two_trainings_give_the_same_bytes(untrained: Path, tmp_path: Path) -> None:
    tiny(learning_rate=1e-9).build(1).train(dialogues(), DEV, tmp_path / "again")
    names = sorted(path.name for path in untrained.iterdir())
    assert {"model.safetensors", "chat_template.jinja", "generation_config.json"} <= set(names)
    for name in names:
        assert (untrained / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


class Killed(BaseException):
    """As a signal would, it passes all handlers."""


def killing(at: int, seen: list[int]) -> Any:
    class Killing(transformers.TrainerCallback):
        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            seen.append(state.global_step)
            if state.global_step == at:
                raise Killed

    return Killing()


def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    spec = tiny(epochs=3, batch_size=2, patience=2)
    spec.build(1).train(dialogues(), dialogues()[:2], tmp_path / "whole")
    seen: list[int] = []
    trainer = spec.build(1)
    trainer.keep(tmp_path / "work")  # type: ignore[attr-defined]
    with pytest.raises(Killed), watched(killing(3, seen)):
        trainer.train(dialogues(), dialogues()[:2], tmp_path / "model")
    assert list((tmp_path / "work").glob(f"checkpoint-2/{WHOLE}"))
    again = spec.build(1)
    again.keep(tmp_path / "work")  # type: ignore[attr-defined]
    for path in (tmp_path / "model").iterdir():  # a step of a run begins in a new folder
        path.unlink()
    with watched(killing(99, seen)):
        again.train(dialogues(), dialogues()[:2], tmp_path / "model")
    assert seen == [1, 2, 3, 3, 4, 5, 6]
    assert not (tmp_path / "work").exists()
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "model" / path.name).read_bytes(), path.name


def test_what_is_left_out_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "notes", [])
    rows = [
        *dialogues(),
        chat("user: " + "Ana " * 200, "assistant: Yes.", id="overlong"),
        chat("user: " + "Ana " * 200, "assistant: Yes.", "user: Go.", "assistant: No.", id="cut"),
        chat("user: Hi", id="unanswered"),
    ]
    tiny(learning_rate=1e-9).build(1).train(rows, [], tmp_path / "model")
    said = report(tmp_path / "model")
    names = ("examples", "overlong_dialogues", "truncated_dialogues", "dropped_turns")
    assert [said[name] for name in names] == [7, 1, 1, 2]
    assert (said["unanswered_dialogues"], said["responses"]) == (1, 9)
    (note,) = progress.notes
    assert note == (
        "chat: 1 unanswered_dialogues, 1 overlong_dialogues, 1 truncated_dialogues in 7 examples "
        "to learn from"
    )
    with pytest.raises(DataError, match=r"one response to learn, was: none in 1 examples \(1 over"):
        tiny().build(1).train(rows[-3:-2], [], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_limits_of_predictions_are_counted(
    untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "notes", [])
    tagger = tiny(max_new_tokens=2).load(untrained)
    given = [
        chat("user: " + "Ana " * 200, "assistant: Yes.", "user: Go.", "assistant: x"),
        chat("user: " + "Ana " * 200, "assistant: x"),
    ]
    (one, two) = tagger.predict(given)
    assert one.texts[:3] == given[0].texts[:3]
    assert (one.texts[3], two.texts[1]) != ("x", "x")
    assert sorted(progress.notes) == [
        "chat: 1 cut_prompts in 2 examples",
        "chat: 1 truncated_prompts in 2 examples",
        "chat: 2 cut_responses in 2 examples",
    ]


def test_what_is_no_response_is_left_empty(
    untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "notes", [])
    tagger = tiny(max_new_tokens=2).load(untrained)
    thanks = chat("user: Who am I?", "assistant: Ana.", "user: Thanks.")
    alone = Example("alone", "eng", ("Hello.",))
    found = tagger.predict([thanks, alone])
    assert [one.texts[-1] for one in found] == ["", ""]
    assert sorted(progress.notes) == [
        "chat: 1 refused_prompts in 2 examples",
        "chat: 1 unanswered_dialogues in 2 examples",
    ]


def test_a_checkpoint_keeps_its_template(untrained: Path, tmp_path: Path) -> None:
    """A chat model of a folder, which ends its turns by a token of its own."""
    monkey = tmp_path / "base"
    tokenizer = transformers.AutoTokenizer.from_pretrained(untrained)
    model = transformers.AutoModelForCausalLM.from_pretrained(untrained)
    tokenizer.chat_template = CHATML.replace("[SEP]", "[MASK]")
    model.generation_config = transformers.GenerationConfig(
        do_sample=True, temperature=0.3, eos_token_id=[5, 6]
    )
    model.save_pretrained(monkey)
    tokenizer.save_pretrained(monkey)
    spec = tiny(config=None, model=str(monkey), learn="last")
    rows = [*dialogues(), chat("user: Hi", "user: You?", "assistant: Yes.", id="refused")]
    spec.build(1).train(rows, [], tmp_path / "tuned")
    assert report(tmp_path / "tuned")["refused_dialogues"] == 1
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "tuned")
    assert again.chat_template == tokenizer.chat_template
    said = json.loads((tmp_path / "tuned" / "generation_config.json").read_text("utf-8"))
    special = {tokenizer.sep_token_id, tokenizer.mask_token_id}
    assert set(said["eos_token_id"]) == special | {5, 6}
    assert not said.get("do_sample")
    tagger = spec.load(tmp_path / "tuned")
    (refused,) = tagger.predict(rows[-1:])
    assert refused.texts == ("Hi", "You?", "")
    assert tagger.counts["refused_prompts"] == 1  # type: ignore[attr-defined]
    with pytest.raises(RecipeError, match="max_tokens must be at most 96"):
        tiny(config=None, model=str(monkey), max_tokens=128).build(1).train(
            rows, [], tmp_path / "x"
        )


def test_it_learns_translations_too(tmp_path: Path) -> None:
    rows = [replace(e, id=f"{e.id}-{n}") for e in translations() for n in range(20)]
    wide = TINY.model_copy(update={"width": 48})
    spec = tiny(config=wide, epochs=3, batch_size=4, max_tokens=48)
    spec.build(2, "parallel").train(rows, [], tmp_path / "model")
    done = stages.predict(translations(), spec.load(tmp_path / "model"))
    assert sum(a == b for a, b in zip(done, translations(), strict=True)) >= 8


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"either model .* or config"):
        Chat(config=TINY, model="x")
    with pytest.raises(ValidationError, match="leave 8 of max_tokens to the prompt, was: 90, 96"):
        tiny(max_new_tokens=90)
    with pytest.raises(ValidationError, match="multiple of 2 x heads, was: width 30, heads 2"):
        SmallLlama(width=30, heads=2)
    with pytest.raises(RecipeError, match="Model must be a folder with config"):
        spec = tiny(config=None, model="no-such/model")
        spec.build(1).train(dialogues(), [], tmp_path / "model")
    with pytest.raises(DataError, match="Development data must be there for patience"):
        tiny(patience=1).build(1).train(dialogues(), [], tmp_path / "other")
