"""A translation model learnt from a corpus, and opened by the engine `transformers`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.training.toy_dialogues import translations
from tests.translation.tiny_checkpoint import write_marian, write_other
from xltpipe import progress, stages
from xltpipe.errors import DataError, RecipeError
from xltpipe.languages import resolve
from xltpipe.training import Seq2Seq
from xltpipe.training.fitting import WHOLE, watched
from xltpipe.training.seq2seq_speech import speech
from xltpipe.training.text_to_text_model import SmallMarian
from xltpipe.translation import Transformers
from xltpipe.translation.transformers_dialect import dialect
from xltpipe.types import Example

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

TINY = SmallMarian(layers=1, width=48, heads=2, vocabulary=320)
SENTENCES = ["the cat sleeps", "the dog  sings\n", "", "la casa </s> canta", "王芳 🎉 sleeps"]


pytestmark = pytest.mark.usefixtures("one_thread")


def tiny(**changes: Any) -> Seq2Seq:
    given = {"into": "es", "config": TINY, "epochs": 1, "learning_rate": 5e-3, "batch_size": 4}
    return Seq2Seq.model_validate(given | {"max_tokens": 32, "device": "cpu"} | changes)


def tuned(model: Path, **changes: Any) -> Seq2Seq:
    return tiny(config=None, model=str(model), learning_rate=1e-4, **changes)


def translated(
    home: Path, sentences: list[str], *, beam: int, lang: str = "eng", most: int = 32
) -> list[str]:
    """By the engine, with the limits of the tagger."""
    limits = {"max_input_tokens": most, "max_output_tokens": most}
    spec = Transformers(model=str(home), beam=beam, early_stopping=False, **limits)
    engine = spec.build(lang, "spa")
    return [one.text for one in engine.translate(sentences, lang, "spa")]


def predicted(spec: Seq2Seq, home: Path, sentences: list[str], lang: str = "eng") -> list[str]:
    rows = [Example(str(n), lang, (text, "?")) for n, text in enumerate(sentences)]
    return [e.texts[1] for e in stages.predict(rows, spec.load(home))]


def test_translations_are_learnt_and_the_engine_gives_the_same(tmp_path: Path) -> None:
    rows = [replace(e, id=f"{e.id}-{n}") for e in translations() for n in range(24)]
    spec = tiny(epochs=4)
    spec.build(2, "parallel").train(rows, [], tmp_path / "model")
    done = stages.predict(translations(), spec.load(tmp_path / "model"))
    assert done == translations()
    assert translated(tmp_path / "model", [e.texts[0] for e in done], beam=4) == [
        e.texts[1] for e in done
    ]
    assert translated(tmp_path / "model", SENTENCES, beam=1) == predicted(
        tiny(beams=1, predict_batch_size=1), tmp_path / "model", SENTENCES
    )
    with pytest.raises(RecipeError, match="fra-spa; it translates eng-spa"):
        translated(tmp_path / "model", ["x"], beam=1, lang="fra")


def checkpoint(home: Path, kind: str) -> tuple[Path, dict[str, Any]]:
    if kind == "marian":
        return write_marian(home), {}
    if kind == "t5":
        prompt = "translate {source} to {target}: "  # spelt letter by letter
        return write_other(home, "t5", []), {"prompt": prompt, "max_tokens": 96}
    languages = {
        "nllb": ["eng_Latn", "spa_Latn"],
        "m2m100": ["__en__", "__es__"],
        "mbart50": ["en_XX", "es_XX"],
    }
    return write_other(home, "mbart" if kind == "mbart50" else "m2m_100", languages[kind]), {}


@pytest.mark.parametrize("kind", ["marian", "t5", "nllb", "m2m100", "mbart50"])
def test_a_tuned_checkpoint_is_spoken_to_as_it_was_trained(tmp_path: Path, kind: str) -> None:
    """Each family: what is learnt from is what the engine sends, token by token."""
    base, settings = checkpoint(tmp_path / "base", kind)
    spec = tuned(base, beams=1, **settings)
    spec.build(1).train(translations(), translations()[:2], tmp_path / "tuned")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "tuned")
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "tuned")
    spoken = speech(tokenizer, model, str(base), "spa", settings.get("prompt"))
    said = dialect(tmp_path / "tuned", resolve("eng"), resolve("spa"), None)
    for text in filter(None, SENTENCES):
        assert said.encode([text], 99)[0][0] == spoken.read(text, "eng")
    assert list(said.prefix) == spoken.prefix
    assert said.start is None
    learnt = spoken.write("hola  mundo")
    assert learnt[: len(spoken.prefix)] == spoken.prefix
    assert learnt[-1] == tokenizer.eos_token_id
    assert said.decode([learnt[len(spoken.prefix) :]]) == ["hola mundo"]
    engine = translated(tmp_path / "tuned", SENTENCES, beam=1, most=spec.max_tokens)
    assert engine == predicted(spec, tmp_path / "tuned", SENTENCES)
    assert any(engine)


def test_a_language_without_a_token_is_named(tmp_path: Path) -> None:
    base, _ = checkpoint(tmp_path / "base", "nllb")
    with pytest.raises(RecipeError, match=r"token for each language, was: without swh_Latn"):
        tuned(base, into="swa").build(1).train(translations(), [], tmp_path / "x")
    base = write_other(tmp_path / "t5", "t5", [])
    with pytest.raises(RecipeError, match="must show how it is told its languages"):
        tuned(base).build(1).train(translations(), [], tmp_path / "y")


@pytest.mark.parametrize("said", [{"family": "foo"}, {"family": "t5", "prompt": "{0.x}"}, {}])
def test_a_wrong_description_is_named(tmp_path: Path, said: dict[str, str]) -> None:
    base = write_other(tmp_path / "base", "t5", [])
    (base / "xltpipe.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(RecipeError, match=r"xltpipe\.json must (name a family|hold no other)"):
        tuned(base).build(1).train(translations(), [], tmp_path / "x")


class Killed(BaseException):
    """As a signal would, it passes all handlers."""


def test_a_killed_training_goes_on_to_the_same_bytes(tmp_path: Path) -> None:
    class Killing(transformers.TrainerCallback):
        def on_step_end(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            if state.global_step == 5:
                raise Killed

    class Seen(transformers.TrainerCallback):
        def on_step_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
            steps.append(state.global_step)

    steps: list[int] = []
    spec, dev = tiny(epochs=3, patience=2), translations()[:2]
    spec.build(1).train(translations(), dev, tmp_path / "whole")
    for home, callback in (("killed", Killing()), ("model", Seen())):
        trainer = spec.build(1)
        trainer.keep(tmp_path / "work")  # type: ignore[attr-defined]
        try:
            with watched(callback):
                trainer.train(translations(), dev, tmp_path / home)
        except Killed:
            assert list((tmp_path / "work").glob(f"checkpoint-3/{WHOLE}"))
    assert steps == [3, 4, 5, 6, 7, 8]
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "model" / path.name).read_bytes(), path.name


def test_what_is_left_out_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "notes", [])
    long = "the cat sleeps " * 20
    rows = [
        *translations(),
        Example("a", "eng", (long, "x")),
        Example("b", "eng", ("x", long)),
        Example("c", "eng", ("x", " ")),
    ]
    tiny().build(1).train(rows, [], tmp_path / "model")
    said = json.loads((tmp_path / "model" / "report.json").read_text("utf-8"))
    names = ("examples", "pairs", "overlong_pairs", "blank_pairs")
    assert [said[name] for name in names] == [12, 9, 2, 1]
    (one, two) = predicted(tiny(beams=1), tmp_path / "model", [long, " "])
    assert (bool(one), two) == (True, "")
    assert progress.notes[0] == (
        "seq2seq: 1 blank_pairs, 2 overlong_pairs in 12 examples to learn from"
    )
    assert "seq2seq: 1 cut_sentences in 2 examples" in progress.notes
    with pytest.raises(DataError, match=r"one pair to learn, was: none in 1 examples \(1 blank"):
        tiny().build(1).train(rows[-1:], [], tmp_path / "none")
    with pytest.raises(DataError, match=r"a sentence and its translation, was: 1 texts"):
        tiny().build(1).train([Example("a", "eng", ("x",))], [], tmp_path / "one")


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ValidationError, match="Language must be a known code, was: 'xx-no'"):
        tiny(into="xx-no")
    with pytest.raises(ValidationError, match="no other braces"):
        tiny(prompt="{source.__class__}")
    assert tiny(into="sw").into == "swa"
