"""Transformers: `generate` of a checkpoint, with nothing lost, cut or invented in silence."""

from __future__ import annotations

import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from pydantic import ValidationError

from tests.translation.tiny_checkpoint import write_marian, write_other
from xltpipe import progress
from xltpipe.errors import RecipeError, TransientError
from xltpipe.languages import resolve
from xltpipe.translation import CTranslate2, Transformers
from xltpipe.translation.transformers_checkpoint import checkpoint
from xltpipe.translation.transformers_decoding import Checkpoint
from xltpipe.translation.transformers_dialect import dialect
from xltpipe.types import Translation

SENTENCES = [
    "Where does Fatima live?",
    "My mother works at the Red Cross.",
    "",
    "I have a dog.",
    "Anna wants to move to Berlin because she has found a new job at the hospital there.",
    " \t\n",
    "[A] Anna [/A] lives in [B] Berlin [/B].",
    "Yes.",
]


@pytest.fixture(scope="session")
def marian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_marian(tmp_path_factory.mktemp("checkpoints") / "marian")


pytestmark = pytest.mark.usefixtures("one_thread")


def spec(model: Path, **changes: object) -> Transformers:
    settings = {"model": str(model), "max_input_tokens": 64, "max_output_tokens": 32} | changes
    return Transformers.model_validate(settings)


def translate(settings: Transformers, texts: list[str] = SENTENCES) -> list[Translation]:
    return settings.build("eng", "spa").translate(texts, "eng", "spa")


@pytest.mark.parametrize("beam", [1, 3])
def test_equals_generate_on_each_row_alone(marian: Path, beam: int) -> None:
    model = transformers.MarianMTModel.from_pretrained(marian).eval()
    pieces = json.loads((marian / "vocab.json").read_text())
    got = translate(spec(marian, beam=beam))
    speech = dialect(marian, resolve("eng"), resolve("spa"), None)
    for text, one in zip(SENTENCES, got, strict=True):
        if not text.strip():
            assert one == Translation("")
            continue
        ((ids, _),) = speech.encode([text], 64)
        assert ids[0] == pieces["<2es>"]
        assert ids[-1] == pieces["</s>"]
        out = model.generate(
            torch.tensor([ids]),
            num_beams=beam,
            early_stopping=beam > 1,
            do_sample=False,
            forced_eos_token_id=None,
            suppress_tokens=[pieces["<unk>"], pieces["<pad>"]],
            max_new_tokens=32,
            max_length=None,
            output_scores=True,
            return_dict_in_generate=True,
        )
        assert one.text == speech.decode([out.sequences[0].tolist()])[0]
        assert one.tokens_out == out.sequences.shape[1] - 1
        assert one.tokens_in == len(ids)
        assert one.truncated == (int(out.sequences[0, -1]) != pieces["</s>"])
        beams = {"beam_indices": out.beam_indices} if beam > 1 else {}
        steps = model.compute_transition_scores(
            out.sequences, out.scores, normalize_logits=beam == 1, **beams
        )
        mean = steps[0].sum() / one.tokens_out
        assert one.score == pytest.approx(float(mean), abs=1e-3)
    assert {one.truncated for one in got} == {True, False}  # the test sees both


@pytest.mark.parametrize("settings", [{"batch_tokens": 1}, {"batch_tokens": 9999}, {"threads": 1}])
def test_incidental_settings_change_nothing(marian: Path, settings: dict[str, int]) -> None:
    texts = [f"{text} {n}" for n in range(3) for text in SENTENCES]
    other = spec(marian, **settings)
    got, expected = translate(other, texts), translate(spec(marian), texts)
    assert [replace(one, score=None) for one in got] == [
        replace(one, score=None) for one in expected
    ]
    assert [one.score for one in got] == pytest.approx([one.score for one in expected], abs=1e-4)
    assert other.identity() == spec(marian).identity()


def test_cuts_say_so(marian: Path) -> None:
    text = "My mother works at the Red Cross."
    (free,) = translate(spec(marian), [text])
    (exact,) = translate(spec(marian, max_input_tokens=free.tokens_in), [text])
    (cut,) = translate(spec(marian, max_input_tokens=free.tokens_in - 1), [text])
    assert exact == free
    assert (cut.truncated, cut.tokens_in) == (True, free.tokens_in - 1)
    short = translate(spec(marian, max_output_tokens=8))
    whole = translate(spec(marian))
    assert max(one.tokens_out for one in short) == 8
    for one, free in zip(short, whole, strict=True):
        assert one.truncated == (free.tokens_out > 8)


def test_what_looks_like_a_special_token_in_a_text_is_text(marian: Path) -> None:
    speech = dialect(marian, resolve("eng"), resolve("spa"), None)
    ((ids, _),) = speech.encode(["a </s> <pad> b"], 64)
    vocabulary = speech.tokenizer.get_vocab()
    assert ids.count(vocabulary["</s>"]) == 1
    assert vocabulary["<pad>"] not in ids


def test_round_trip_shows_what_the_model_never_sees(marian: Path) -> None:
    built = spec(marian).build("eng", "spa")
    assert built.round_trip("[A] Anna [/A] lives", "eng", "spa") == "[A] Anna [/A] lives"
    assert "東" not in built.round_trip("東 tea", "eng", "spa")
    assert spec(marian).native_markers()
    assert spec(marian).aligning_model() is None


def test_the_same_frame_as_the_converted_model_gets(marian: Path) -> None:
    (ours,) = translate(spec(marian), ["I have a dog."])
    (theirs,) = CTranslate2().build("eng", "spa").translate(["I have a dog."], "eng", "spa")
    assert ours.tokens_in == theirs.tokens_in


FAMILIES = [
    ("m2m_100", ["eng_Latn", "spa_Latn"], ("eng_Latn",), ("</s>",), ("spa_Latn",)),
    ("m2m_100", ["__en__", "__es__"], ("__en__",), ("</s>",), ("__es__",)),
    ("mbart", ["en_XX", "es_XX"], (), ("</s>", "en_XX"), ()),
    ("mbart", ["en_XX", "es_XX", "gl_ES"], ("en_XX",), ("</s>",), ("es_XX",)),  # mBART-50
    ("t5", ["<2es>", "<2en>"], ("<2es>",), ("</s>",), ()),
]


@pytest.mark.parametrize(("family", "tokens", "before", "after", "prefix"), FAMILIES)
def test_families_are_told_their_languages(
    tmp_path: Path,
    family: str,
    tokens: list[str],
    before: tuple[str, ...],
    after: tuple[str, ...],
    prefix: tuple[str, ...],
) -> None:
    model = write_other(tmp_path / "model", family, tokens)
    speech = dialect(model, resolve("eng"), resolve("spa"), None)
    vocabulary = speech.tokenizer.get_vocab()
    assert speech.before == tuple(vocabulary[t] for t in before)
    assert speech.after == tuple(vocabulary[t] for t in after)
    assert speech.prefix == tuple(vocabulary[t] for t in prefix)
    assert speech.start == (None if prefix or family != "mbart" else vocabulary["es_XX"])
    for beam in (1, 2):
        got = translate(spec(model, beam=beam), ["Anna lives in Berlin", "hello world", ""])
        assert [bool(one.tokens_out) for one in got] == [True, True, False]
        assert not any(token in one.text for one in got for token in (*tokens, "</s>"))
        assert all(one.score is not None and one.score < 0 for one in got[:2])
    with pytest.raises(RecipeError, match=r"pair must be one that model translates, was: .*deu"):
        spec(model).build("eng", "deu")


def test_a_described_checkpoint_is_told_its_prompt(tmp_path: Path) -> None:
    model = write_other(tmp_path / "model", "t5", ["<extra_id_0>"])
    said = {
        "family": "t5",
        "tokenizer": {"kind": "hf", "source": "tokenizer.json"},
        "directions": [["eng", "spa"]],
        "prompt": "translate {source} to {target}: ",
        "max_positions": 64,
    }
    (model / "xltpipe.json").write_text(json.dumps(said))
    speech = dialect(model, resolve("eng"), resolve("spa"), None)
    assert speech.prompt == "translate English to Spanish: "


def test_a_prompt_tells_models_that_know_languages_by_words(tmp_path: Path) -> None:
    model = write_other(tmp_path / "model", "t5", ["<extra_id_0>"])
    with pytest.raises(RecipeError, match=r"set translation.prompt, such as \"translate \{source"):
        spec(model).build("eng", "spa")
    told = spec(model, prompt="translate {source} to {target}: ")
    speech = dialect(model, resolve("eng"), resolve("spa"), told.prompt)
    assert speech.prompt == "translate English to Spanish: "
    ((long, _),) = speech.encode(["hello world"], 64)
    ((short, _),) = dialect(model, resolve("eng"), resolve("spa"), "").encode(["hello world"], 64)
    assert long[-len(short) :] != long
    assert len(long) > len(short)
    assert translate(told, ["hello world"])[0].tokens_in == len(long)
    assert told.identity() != spec(model).identity()
    with pytest.raises(
        ValidationError, match=r"no other braces than \{source\} and \{target\}, was: "
    ):
        spec(model, prompt="to {language}: ")


def test_memory_that_does_not_suffice_makes_batches_smaller(
    marian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The card's own error, raised where it would be: there is no such card here."""
    expected = translate(spec(marian))
    model = checkpoint(marian.resolve(), "cpu", "float32", 0)
    real, sizes = model._model.generate, []

    def small(**given: Any) -> Any:
        sizes.append(len(given["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return real(**given)

    monkeypatch.setattr(model._model, "generate", small)
    monkeypatch.setattr(model, "most_tokens", model.most_tokens)
    progress.notes.clear()
    got = translate(spec(marian))
    assert [replace(one, score=None) for one in got] == [
        replace(one, score=None) for one in expected
    ]
    assert max(sizes) > 2
    assert model.most_tokens < 1 << 60
    assert any("memory did not suffice" in note for note in progress.notes)


def test_a_text_too_large_for_memory_is_no_fault_of_its_row(
    marian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checkpoint(marian.resolve(), "cpu", "float32", 0)
    real = Checkpoint._once

    def greedy(self: Checkpoint, rows: list[list[int]], *rest: Any) -> Any:
        if any(len(row) > 18 for row in rows):
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")
        return real(self, rows, *rest)

    monkeypatch.setattr(model, "most_tokens", model.most_tokens)
    monkeypatch.setattr(Checkpoint, "_once", greedy)
    with pytest.raises(TransientError, match="Memory must suffice for a single text, was: one of"):
        translate(spec(marian))


def test_another_fault_of_the_model_is_not_taken_for_memory(
    marian: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = checkpoint(marian.resolve(), "cpu", "float32", 0)

    def broken(**_: Any) -> Any:
        raise RuntimeError("shapes cannot be multiplied")

    monkeypatch.setattr(model._model, "generate", broken)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        translate(spec(marian))


def test_a_translator_can_be_pickled(marian: Path) -> None:
    translator = spec(marian).build("eng", "spa")
    again = pickle.loads(pickle.dumps(translator))  # noqa: S301
    assert again.translate(["Yes."], "eng", "spa") == translator.translate(["Yes."], "eng", "spa")


def test_limits_beyond_the_positions_are_refused(marian: Path) -> None:
    with pytest.raises(RecipeError, match="max_output_tokens must be at most the 128 positions"):
        spec(marian, max_output_tokens=129).build("eng", "spa")


def test_what_is_no_checkpoint_is_told(tmp_path: Path, marian: Path) -> None:
    with pytest.raises(RecipeError, match=r"must be a folder with a checkpoint .*was: '/no/where'"):
        Transformers(model="/no/where").build("eng", "spa")
    converted = CTranslate2().aligning_model()
    with pytest.raises(RecipeError, match=r'\(a CTranslate2 model: kind = "ctranslate2"\)'):
        Transformers(model=str(converted)).build("eng", "spa")
    with pytest.raises(ValidationError, match="at least 1 character"):
        Transformers(model="")
    with pytest.raises(RecipeError, match=r"translates, was: eng-deu; it translates eng-spa"):
        spec(marian).build("eng", "deu")
    decoder = tmp_path / "decoder"
    shutil.copytree(marian, decoder)
    config = transformers.GPT2Config(n_embd=8, n_layer=1, n_head=1, vocab_size=9000)
    transformers.GPT2LMHeadModel(config).save_pretrained(decoder)
    with pytest.raises(RecipeError, match=r"Checkpoint must be an encoder-decoder"):
        translate(spec(decoder))


def test_weights_that_are_not_there_are_not_drawn_at_random(tmp_path: Path, marian: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = tmp_path / "model"
    shutil.copytree(marian, model)
    weights = load_file(model / "model.safetensors")
    lost = next(name for name in weights if "fc1.weight" in name)
    del weights[lost]
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(RecipeError, match=r"must hold all weights .* they would be random"):
        translate(spec(model))


def test_a_model_that_does_not_say_how_outputs_begin_is_told(tmp_path: Path) -> None:
    model = write_other(tmp_path / "model", "m2m_100", ["__en__", "__es__"])
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "decoder_start_token_id": None}))
    with pytest.raises(RecipeError, match="must have a decoder_start_token_id in its config"):
        translate(spec(model))


def test_a_tokenizer_of_another_model_is_told(tmp_path: Path, marian: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(marian, model)
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps({**config, "vocab_size": 500}))
    with pytest.raises(RecipeError, match="Tokenizer must be the model's own, was: ids up to 8000"):
        spec(model).build("eng", "spa")
    (model / "vocab.json").unlink()
    shutil.copytree(model, tmp_path / "bare")
    with pytest.raises(RecipeError, match="Tokenizer must lie in the checkpoint's folder"):
        spec(tmp_path / "bare").build("eng", "spa")


def test_weights_decide_the_identity_and_the_place_does_not(tmp_path: Path, marian: Path) -> None:
    same, other = tmp_path / "same", write_marian(tmp_path / "other", seed=2)
    shutil.copytree(marian, same)
    assert spec(same).identity() == spec(marian).identity()
    assert spec(other).identity() != spec(marian).identity()
