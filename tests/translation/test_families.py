"""Tiny random models of every family, converted: they say what transformers says, token by token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from tests.translation.converted import made
from tests.translation.tiny_models import FAMILIES, SENTENCES
from xltpipe.alignment.attention import Attention
from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.text import tokenise
from xltpipe.translation import CTranslate2
from xltpipe.translation.codec import Codec, codec
from xltpipe.translation.description import pieces
from xltpipe.translation.likelihood import open_likelihood

transformers.utils.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()

DIRECTIONS = {
    "opus": [("eng", "spa"), ("eng", "fra"), ("eng", "swa")],
    "nllb": [("eng", "spa"), ("rus", "swa"), ("hin", "ara"), ("zho", "zh-Hant"), ("ara", "eng")],
    "m2m100": [("eng", "spa"), ("rus", "swa"), ("hin", "ara"), ("zho", "fra"), ("ara", "eng")],
    "mbart50": [("eng", "spa"), ("rus", "swa"), ("hin", "ara"), ("zho", "fra"), ("ara", "eng")],
    "madlad": [("eng", "spa"), ("spa", "eng"), ("zho", "swa"), ("eng", "zh-Hant")],
    "t5": [("eng", "deu"), ("eng", "fra")],
}
EVERY = [(family, *pair) for family, pairs in DIRECTIONS.items() for pair in pairs]
SHORT = {
    code: [text, text.split()[0], text[: len(text) // 2].strip()]
    for code, text in SENTENCES.items()
}
CAP = 32


def speech(family: str, source: str, target: str) -> Codec:
    return codec(made(family).model, resolve(source), resolve(target))


def hub_tokenizer(family: str, source: str) -> Any:
    tokenizer = transformers.AutoTokenizer.from_pretrained(made(family).source)
    if family in {"nllb", "m2m100", "mbart50"}:
        tokenizer.src_lang = resolve(source).code(family)
    return tokenizer


def asked(family: str, source: str, target: str, text: str) -> str:
    """The text as a user of transformers writes it."""
    if family == "opus":
        return f">>{target}<< {text}"
    if family == "madlad":
        return f"<2{resolve(target).madlad}> {text}"
    if family == "t5":
        return f"translate {resolve(source).name} to {resolve(target).name}: {text}"
    return text


def original(family: str) -> Any:
    loaded = transformers.AutoModelForSeq2SeqLM.from_pretrained(made(family).source).eval()
    loaded.generation_config.max_length = None
    return loaded


@pytest.mark.parametrize(("family", "source", "target"), EVERY)
def test_ids_are_those_of_the_tokenizer_of_transformers(
    family: str, source: str, target: str
) -> None:
    ids = {piece: number for number, piece in enumerate(pieces(made(family).model))}
    ours = speech(family, source, target)
    tokenizer = hub_tokenizer(family, source)
    texts = SHORT[source]
    unknown = ids["<unk>"]
    encoded = [[ids.get(piece, unknown) for piece in one] for one, _ in ours.encode(texts, 1000)]
    assert encoded == [tokenizer(asked(family, source, target, text)).input_ids for text in texts]
    code = resolve(target).code(family)
    wanted = {
        "nllb": [code],
        "mbart50": [code],
        "m2m100": [f"__{code}__"],
    }.get(family, [])
    prefix = [ids[token] for token in ours.frame.prefix]
    assert prefix == [tokenizer.convert_tokens_to_ids(token) for token in wanted]
    assert tokenizer.unk_token_id not in prefix


@pytest.mark.parametrize(("family", "source", "target"), EVERY)
def test_translations_are_those_of_transformers(family: str, source: str, target: str) -> None:
    home = made(family)
    known = pieces(home.model)
    ours, loaded, tokenizer = speech(family, source, target), original(family), None
    tokenizer = hub_tokenizer(family, source)
    texts = SHORT[source]
    settings = {"beam": 1, "repetition_penalty": 1.0, "compute_type": "float32"}
    spec = CTranslate2(
        model=str(home.model), max_input_tokens=128, max_output_tokens=CAP, **settings
    )
    got = spec.build(source, target).translate(texts, source, target)
    never = [[tokenizer.unk_token_id]] + (
        [[loaded.config.pad_token_id]] if family == "opus" else []
    )
    forced = [known.index(token) for token in ours.frame.prefix]
    for text, one in zip(texts, got, strict=True):
        ids = torch.tensor([tokenizer(asked(family, source, target, text)).input_ids])
        (out,) = loaded.generate(
            input_ids=ids,
            num_beams=1,
            do_sample=False,
            max_new_tokens=CAP,
            bad_words_ids=never,
            forced_bos_token_id=forced[0] if forced else None,
            forced_eos_token_id=None,
        ).tolist()
        said = [known[number] for number in out[1:]]
        assert said[: len(forced)] == list(ours.frame.prefix)
        assert one.text == ours.decode([said])[0]
        assert one.tokens_out == len(said) - len(forced)
        assert one.truncated == (said[-1] != ours.end)


@pytest.mark.parametrize("family", FAMILIES)
def test_scores_are_those_of_transformers(family: str) -> None:
    source, target = DIRECTIONS[family][0]
    home, ours = made(family), speech(family, source, target)
    ids = {piece: number for number, piece in enumerate(pieces(home.model))}
    spec = CTranslate2(
        model=str(home.model), compute_type="float32", max_input_tokens=128, max_output_tokens=128
    )
    texts, wanted = SHORT[source], ["Ana vive en Nairobi.", "derechos", "et égaux"]
    got = spec.build(source, target).score(texts, wanted, source, target)
    loaded = original(family)
    tokenizer = hub_tokenizer(family, source)
    for text, other, score in zip(texts, wanted, got, strict=True):
        target_ids = [ids.get(p, ids["<unk>"]) for p in target_pieces(home.model, other)]
        labels = [*(ids[token] for token in ours.frame.prefix), *target_ids, ids[ours.end]]
        with torch.inference_mode():
            logits = loaded(
                input_ids=torch.tensor([tokenizer(asked(family, source, target, text)).input_ids]),
                decoder_input_ids=torch.tensor(
                    [[loaded.config.decoder_start_token_id, *labels[:-1]]]
                ),
            ).logits[0, :, : len(ids)]
        logs = torch.log_softmax(logits, -1)[range(len(labels)), labels][len(ours.frame.prefix) :]
        assert score == pytest.approx(logs.mean().item(), abs=1e-4)


def target_pieces(model: Path, text: str) -> list[str]:
    from sentencepiece import SentencePieceProcessor

    said = json.loads((model / "xltpipe.json").read_bytes())["tokenizer"]
    file = model / said.get("target", said["source"])
    return SentencePieceProcessor(model_file=str(file)).encode(text, out_type=str)


@pytest.mark.parametrize("family", FAMILIES)
def test_candidates_come_best_first(family: str) -> None:
    source, target = DIRECTIONS[family][0]
    settings = {"repetition_penalty": 1.0, "compute_type": "float32", "beam": 4}
    spec = CTranslate2(
        model=str(made(family).model), max_input_tokens=128, max_output_tokens=CAP, **settings
    )
    translator = spec.build(source, target)
    texts = [*SHORT[source], ""]
    many = translator.candidates(texts, source, target, 4)
    assert [len(one) for one in many] == [4, 4, 4, 1]
    assert [one[0] for one in many] == translator.translate(texts, source, target)
    for found in many[:3]:
        scores = [one.score for one in found]
        assert scores == sorted(scores, reverse=True)
        assert len({(one.text, one.tokens_out) for one in found}) > 1


def test_the_target_token_decides_the_output() -> None:
    spec = CTranslate2(
        model=str(made("nllb").model),
        compute_type="float32",
        max_output_tokens=CAP,
        max_input_tokens=64,
    )
    texts = SHORT["eng"]
    said = {
        target: tuple(one.text for one in spec.build("eng", target).translate(texts, "eng", target))
        for target in ("spa", "swa", "zh-Hant", "zho")
    }
    assert len(set(said.values())) == len(said)


@pytest.mark.parametrize("family", [f for f in FAMILIES if f not in {"opus", "t5"}])
def test_many_to_many_models_are_normalised_by_copying(family: str) -> None:
    measure = open_likelihood(
        made(family).model,
        "eng",
        "spa",
        normalised=True,
        join="mean",
        compute_type="float32",
        device="cpu",
    )
    assert measure.name == "nmtscore"
    (score,) = measure.score([("Fatima lives in Nairobi.", "Ana vive")])
    assert score is not None
    assert score > 0


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "t5"])
def test_attention_aligns_or_says_why_not(family: str) -> None:
    pair = (tokenise("Fatima lives in Nairobi."), tokenise("Ana vive en Nairobi."))
    aligner = Attention(threshold=0.0).build(None, "eng", "spa", made(family).model)
    (found,) = aligner.align([pair])
    assert found.links
    assert {i for i, _ in found.links} <= set(range(len(pair[0])))
    model = aligner.model
    into = model.into_target
    assert into == (
        speech(family, "eng", "spa").frame.before,
        speech(family, "eng", "spa").frame.prefix,
    )


def test_attention_of_a_t5_is_refused() -> None:
    with pytest.raises(RecipeError, match="a T5, which reads its task as words"):
        Attention().build(None, "eng", "deu", made("t5").model)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_language_that_is_not_covered_is_named(family: str) -> None:
    with pytest.raises(RecipeError, match=r"must be one that .* translates, was: eng-bzd"):
        CTranslate2(model=str(made(family).model), max_input_tokens=64, max_output_tokens=64).build(
            "eng", "bzd"
        )
