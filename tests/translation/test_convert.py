"""Conversion: whole or not there, described, compared with its original, refused with a reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import transformers
from pydantic import ValidationError

from tests.translation.converted import made, source
from tests.translation.tiny_models import learn
from xltpipe import front_matter
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.languages import resolve
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import codec
from xltpipe.translation.convert import Converted, convert
from xltpipe.translation.converted_source import examine
from xltpipe.translation.description import describe
from xltpipe.translation.models import model_digest

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def copied(family: str, home: Path) -> Path:
    """A source that a test may spoil."""
    return Path(shutil.copytree(source(family), home / f"{family}-copy"))


def changed(file: Path, **fields: Any) -> None:
    said = json.loads(file.read_bytes()) | fields
    file.write_text(json.dumps({k: v for k, v in said.items() if v is not None}))


def run(home: Path, output: Path, **settings: Any) -> Converted:
    return convert(home, output, **({"quantization": "float32"} | settings))


@pytest.mark.parametrize("family", ["opus", "nllb", "m2m100", "mbart50", "madlad", "t5"])
def test_a_converted_model_is_near_its_original_and_describes_itself(family: str) -> None:
    home, model = made(family)
    assert sorted(file.name for file in model.iterdir()) == sorted(
        {
            *("model.bin", "config.json", "shared_vocabulary.json", "xltpipe.json"),
            *("MODEL_CARD.md", "SHA256SUMS"),
            *((file.name for file in home.glob("*.spm")) if family == "opus" else ()),
            *({"nllb": ["sentencepiece.bpe.model"], "opus": []}.get(family) or ()),
            *(["sentencepiece.bpe.model"] if family in {"m2m100", "mbart50"} else ()),
            *(["spiece.model"] if family in {"madlad", "t5"} else ()),
        }
    )
    assert describe(model).family == family
    card = (model / "MODEL_CARD.md").read_text("utf-8")
    assert front_matter.licence_in(model) == ("cc0-1.0", "MODEL_CARD.md")
    assert f"{family}-source" in card
    assert "differ by" in card
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=model, check=True)
    assert not list(model.parent.glob(".*.part"))


@pytest.mark.parametrize("quantization", ["int8", "float16", "int8_float16", "bfloat16", "int16"])
def test_quantised_models_stay_within_their_bounds(tmp_path: Path, quantization: str) -> None:
    done = run(source("nllb"), tmp_path / "model", quantization=quantization)
    assert done.fidelity is not None
    assert 1e-5 < done.fidelity.mean < done.fidelity.bound


def test_float32_is_exact_but_for_rounding(tmp_path: Path) -> None:
    done = run(source("madlad"), tmp_path / "model")
    assert done.fidelity is not None
    assert done.fidelity.greatest < 1e-3
    assert done.licence == "unknown"
    assert "unknown (state it before" in (tmp_path / "model" / "MODEL_CARD.md").read_text()


def test_two_conversions_are_one_model(tmp_path: Path) -> None:
    run(source("opus"), tmp_path / "a", licence="mit")
    run(source("opus"), tmp_path / "b", check=False)
    assert model_digest(tmp_path / "a") == model_digest(tmp_path / "b")
    digest = model_digest(tmp_path / "a")
    (tmp_path / "a" / "SHA256SUMS").unlink()
    assert model_digest(tmp_path / "a") == digest


def test_languages_may_be_told(tmp_path: Path) -> None:
    many = run(source("nllb"), tmp_path / "a", languages=["en", "spa", "swh"], check=False)
    assert many.description.languages == ("eng", "spa", "swa")
    one = run(source("opus"), tmp_path / "b", languages=["eng-spa"], check=False)
    assert one.description.directions == (("eng", "spa"),)


def test_quotation_marks_that_a_vocabulary_lacks_are_made_plain() -> None:
    assert describe(made("opus").model).preprocessing == ("plain_punctuation",)
    speech = codec(made("opus").model, resolve("eng"), resolve("spa"))
    assert speech.encode(["“born” – free"], 50) == speech.encode(['"born" - free'], 50)
    assert describe(made("nllb").model).preprocessing == ()


def test_prompts_are_read_or_told(tmp_path: Path) -> None:
    said = describe(made("t5").model)
    assert said.prompt == "translate {source} to {target}: "
    assert said.directions == (("eng", "deu"), ("eng", "fra"))
    home = copied("t5", tmp_path)
    changed(home / "config.json", task_specific_params=None)
    with pytest.raises(RecipeError, match="Languages must be told, was: none"):
        run(home, tmp_path / "a")
    done = run(home, tmp_path / "a", languages=["eng-swa"], prompt="in {target}: ", check=False)
    assert codec(done.model, resolve("eng"), resolve("swa")).frame.prompt == "in Swahili: "


def ours(home: Path) -> Path:
    """A Marian that is told its target as our own models are."""
    copy = copied("opus", home)
    text = (copy / "vocab.json").read_text()
    for opus, own in ((">>spa<<", "<2es>"), (">>fra<<", "<2fr>"), (">>swa<<", "<2sw>")):
        text = text.replace(opus, own)
    (copy / "vocab.json").write_text(text)
    return copy


def test_models_of_our_own_are_told_from_opus(tmp_path: Path) -> None:
    home = ours(tmp_path)
    with pytest.raises(RecipeError, match="Languages must be told, was: none"):
        run(home, tmp_path / "a")
    done = run(home, tmp_path / "a", languages=["eng-spa", "spa-fra"])
    assert done.description.family == "xltpipe"
    assert codec(done.model, resolve("spa"), resolve("fra")).frame.before == ("<2fr>",)
    with pytest.raises(RecipeError, match="must be in the model's vocabulary, was: <2de>"):
        run(home, tmp_path / "b", languages=["eng-deu"])


def test_a_source_that_describes_itself_is_taken_at_its_word(tmp_path: Path) -> None:
    home = ours(tmp_path)
    said = {
        "family": "xltpipe",
        "tokenizer": {"kind": "sentencepiece", "source": "source.spm", "target": "target.spm"},
        "directions": [["eng", "swa"]],
        "preprocessing": ["nfkc"],
        "max_positions": 100,
    }
    (home / "xltpipe.json").write_text(json.dumps(said))
    done = run(home, tmp_path / "a")
    assert json.loads((done.model / "xltpipe.json").read_bytes()) == said


def test_a_tokenizer_json_serves_too(tmp_path: Path) -> None:
    """As transformers 5 saves NLLB: without the SentencePiece file."""
    home = copied("nllb", tmp_path)
    (home / "sentencepiece.bpe.model").unlink()
    done = run(home, tmp_path / "model")
    assert done.description.tokenizer.kind == "hf"
    text = "Todos los seres humanos nacen libres e iguales."
    pair = (resolve("spa"), resolve("swa"))
    ours, theirs = (codec(model, *pair) for model in (done.model, made("nllb").model))
    assert ours.encode([text], 100) == theirs.encode([text], 100)
    assert ours.decode([["▁To", "d", "os", "spa_Latn", "</s>"]]) == ["Todos"]
    # a code that stands in a text is text, not a command
    ((spelt, _),) = ours.encode(["a swh_Latn b"], 100)
    assert spelt.count("swh_Latn") == 0


def test_an_unknown_character_does_not_end_a_text(tmp_path: Path) -> None:
    """As it does with transformers 5, whose tokenizer of a MADLAD gives it the id of </s>."""
    home = copied("madlad", tmp_path)
    (home / "spiece.model").unlink()
    done = run(home, tmp_path / "model")
    assert done.description.tokenizer.kind == "hf"
    for model in (done.model, made("madlad").model):
        speech = codec(model, resolve("eng"), resolve("spa"))
        ((tokens, _),) = speech.encode(["human ☃ beings"], 100)
        assert tokens.index("</s>") == len(tokens) - 1
        assert speech.frame.before == ("<2es>",)


@pytest.mark.parametrize(
    ("family", "file", "fields", "message"),
    [
        ("opus", "config.json", {"model_type": "bert"}, "of type 'bert'.*kind = \"transformers\""),
        ("opus", "config.json", {"model_type": "nllb-moe"}, "of type 'nllb-moe'"),
        ("opus", "config.json", {"pad_token_id": 7}, "whose <pad> is not last .id 7 of"),
        ("opus", "config.json", {"static_position_embeddings": False}, "with learnt positions"),
        ("opus", "tokenizer_config.json", {"separate_vocabs": True}, "separate vocabularies"),
        ("opus", "tokenizer_config.json", {"source_lang": None}, "add --languages eng-spa"),
        ("opus", "config.json", {"decoder_vocab_size": 999}, "separate vocabularies"),
        ("nllb", "tokenizer_config.json", {"legacy_behaviour": True}, "language codes last"),
        ("m2m100", "tokenizer_config.json", {"tokenizer_class": "SMALL100Tokenizer"}, "is a SMALL"),
        ("t5", "tokenizer_config.json", {"tokenizer_class": "ByT5Tokenizer"}, "is a ByT5Tokenizer"),
        ("nllb", "config.json", {"quantization_config": {"bits": 4}}, "is quantised already"),
        ("t5", "config.json", {"feed_forward_proj": "gated-tanh"}, "a T5 with activation 'tanh'"),
    ],
)
def test_models_that_cannot_be_converted(
    tmp_path: Path, family: str, file: str, fields: dict[str, Any], message: str
) -> None:
    home = copied(family, tmp_path)
    changed(home / file, **fields)
    with pytest.raises(RecipeError, match=message):
        run(home, tmp_path / "model")
    assert sorted(one.name for one in tmp_path.iterdir()) == [home.name]


def test_an_mbart_25_is_refused(tmp_path: Path) -> None:
    home = copied("mbart50", tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (home / name).unlink()
    with pytest.raises(RecipeError, match="an mBART-25, which puts its language tokens last"):
        examine(home)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", r"no config.json\); fetch a model from the hub first"),
        ("model.safetensors", "must hold the model's weights"),
        ("source.spm", "must hold source.spm|must be a model that CTranslate2 converts"),
    ],
)
def test_missing_files_are_named(tmp_path: Path, missing: str, message: str) -> None:
    home = copied("opus", tmp_path)
    (home / missing).unlink()
    with pytest.raises(RecipeError, match=message):
        run(home, tmp_path / "model")


def test_language_codes_that_the_tokenizer_lacks_are_missed(tmp_path: Path) -> None:
    """transformers 5 makes an NLLB tokenizer from SentencePiece alone, without any code."""
    home = copied("nllb", tmp_path)
    (home / "tokenizer.json").unlink()
    (home / "tokenizer_config.json").write_text('{"tokenizer_class": "NllbTokenizer"}')
    with pytest.raises(
        RecipeError, match=r"must hold the language tokens of nllb.*tokenizer\.json"
    ):
        run(home, tmp_path / "model")


@pytest.mark.parametrize(
    ("languages", "message"),
    [(["eng", "bzd"], "among the 196 of .*, was: bzd"), (["eng", "xqx"], "must be a known code")],
)
def test_languages_that_a_model_lacks(tmp_path: Path, languages: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        run(source("nllb"), tmp_path / "model", languages=languages)


def test_a_model_that_says_something_else_is_refused(tmp_path: Path) -> None:
    """A Marian whose <pad> row is not nought: the engine starts every target with nothing."""
    home = copied("opus", tmp_path)
    weights = safetensors.torch.load_file(home / "model.safetensors")
    weights["model.shared.weight"][-1] = 1.0
    safetensors.torch.save_file(weights, home / "model.safetensors", {"format": "pt"})
    with pytest.raises(RecipeError, match=r"must say what the original says, was: .* nats apart"):
        run(home, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert run(home, tmp_path / "model", check=False).fidelity is None


def test_a_wrong_tokenizer_is_met_before_anything_is_translated(tmp_path: Path) -> None:
    model = Path(shutil.copytree(made("opus").model, tmp_path / "model"))
    other = learn(tmp_path, "other.spm", model_type="bpe", vocab_size=400)
    shutil.copyfile(other, model / "source.spm")
    message = r"must be the one that the model was trained with, was: .*source\.spm, \d\d% of"
    with pytest.raises(RecipeError, match=message):
        CTranslate2(model=str(model), max_input_tokens=64, max_output_tokens=64).build("eng", "spa")
    (model / "source.spm").write_bytes(b"no SentencePiece")
    codec.cache_clear()
    with pytest.raises(RecipeError, match="must be a SentencePiece model, was: "):
        describe_and_cut(model)


def describe_and_cut(model: Path) -> None:
    from xltpipe.translation.tokenisers import tokeniser

    tokeniser(model, describe(model))


def test_an_mbart_that_starts_its_target_wrongly_is_met(tmp_path: Path) -> None:
    """As CTranslate2's own converter leaves it, of a configuration that names no tokenizer."""
    model = Path(shutil.copytree(made("mbart50").model, tmp_path / "model"))
    changed(model / "config.json", decoder_start_token=None)
    with pytest.raises(RecipeError, match="Target of an mBART-50 model must start with </s>"):
        CTranslate2(model=str(model), max_input_tokens=64, max_output_tokens=64).build("eng", "spa")


def test_an_output_that_is_there_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "model"
    run(source("opus"), output, check=False)
    with pytest.raises(RecipeError, match=r"Output must not be there, was: .*--force"):
        run(source("opus"), output)
    digest = model_digest(output)
    with pytest.raises(RecipeError, match="among the 196 of"):
        run(source("nllb"), output, force=True, languages=["bzd"])
    assert model_digest(output) == digest  # a conversion that fails leaves the old one
    done = run(source("nllb"), output, force=True, check=False)
    assert describe(done.model).family == "nllb"
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_nothing_but_a_model_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    with pytest.raises(RecipeError, match=r"must be a CTranslate2 model, was: .*thesis"):
        run(source("opus"), tmp_path / "thesis", force=True)
    with pytest.raises(RecipeError, match="must lie in a folder that is there"):
        run(source("opus"), tmp_path / "nowhere" / "model")
    with pytest.raises(RecipeError, match="Output must not hold the source"):
        run(source("opus"), source("opus").parent, force=True)


def test_a_damaged_model_says_so(tmp_path: Path) -> None:
    model = Path(shutil.copytree(made("nllb").model, tmp_path / "model"))
    whole = (model / "model.bin").read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"\xff" * 64, b""):
        (model / "model.bin").write_bytes(spoilt)
        spec = CTranslate2(model=str(model), max_input_tokens=64, max_output_tokens=64)
        with pytest.raises(RecipeError, match=r"Model must load with .*xltpipe models verify"):
            spec.build("eng", "spa").translate(["a"], "eng", "spa")


def test_compute_types_are_met_before_a_run() -> None:
    with pytest.raises(ValidationError, match=r"'int8_float16'.*'float32'"):
        CTranslate2.model_validate({"compute_type": "int4"})
    CTranslate2().check()
    CTranslate2(compute_type="auto").check()
    with pytest.raises(
        RecipeError, match=r"compute_type must be one that cpu .* was: float16; it has"
    ):
        CTranslate2(compute_type="float16").check()
    with pytest.raises(RecipeError, match=r"compute_type='float16', was: .*; cpu has "):
        CTranslate2(compute_type="float16").build("eng", "spa").translate(["a"], "eng", "spa")


def test_gpus_are_told_by_number() -> None:
    spec = CTranslate2(device="cuda", devices=(0, 2), workers=2)
    assert spec.identity() == CTranslate2(device="cuda").identity()
    for devices in ((), (1, 1)):
        with pytest.raises(ValidationError, match="devices must be different numbers"):
            CTranslate2(device="cuda", devices=devices)
    with pytest.raises(ValidationError, match="devices must be for GPUs"):
        CTranslate2(devices=(0, 1))


def test_what_must_be_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r'pip install "xltpipe\[train\]"'):
        run(source("opus"), tmp_path / "model")
    assert not list(tmp_path.iterdir())
