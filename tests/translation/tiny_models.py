"""Tiny random translation models of every family, as transformers saves them: no download.

Each has a SentencePiece vocabulary of its own, learnt from a few sentences in several scripts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers

SENTENCES = {
    "eng": "All human beings are born free and equal in dignity and rights. Fatima lives in Nairobi.",
    "spa": "Todos los seres humanos nacen libres e iguales en dignidad y derechos. ¿Dónde vive Ana?",
    "fra": "Tous les êtres humains naissent libres et égaux en dignité et en droits. Où est-il ?",
    "deu": "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Ich heiße Jörg.",
    "swa": "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Ninaishi Mombasa.",
    "rus": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "ara": "يولد جميع الناس أحراراً متساوين في الكرامة والحقوق.",
    "hin": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "zho": "人人生而自由，在尊严和权利上一律平等。",
}
SIZES: dict[str, Any] = {"d_model": 32}
BART = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_position_embeddings": 128,
    "dropout": 0.0,
}
T5 = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "dropout_rate": 0.0}


def learn(home: Path, name: str, **more: Any) -> Path:
    """A SentencePiece model of some 300 pieces; every character of the sentences is one."""
    home.mkdir(parents=True, exist_ok=True)
    options = {"vocab_size": 320, "character_coverage": 1.0, "hard_vocab_limit": False} | more
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*SENTENCES.values()] * 3),
        model_prefix=str(home / name),
        minloglevel=2,
        num_threads=1,
        **options,
    )
    (home / f"{name}.vocab").unlink()
    return (home / f"{name}.model").rename(home / name)


def pieces(file: Path) -> list[str]:
    loaded = sentencepiece.SentencePieceProcessor(model_file=str(file))
    return [loaded.id_to_piece(k) for k in range(len(loaded))]


def lively(model: Any, home: Path) -> None:
    """Save with weights large enough that no two tokens are nearly equally likely."""
    for weights in model.parameters():
        weights.data.normal_(0, 0.25)
    for name, weights in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            weights.data.fill_(1.0)
    if model.config.model_type == "marian":  # as Marian has it: the target starts with nothing
        model.get_input_embeddings().weight.data[model.config.pad_token_id] = 0
    model.eval().save_pretrained(home)


def marian(home: Path) -> Path:
    """OPUS-MT: English to Spanish, French and Swahili; pieces of both sides in one vocabulary."""
    source = learn(home, "source.spm", model_type="unigram", vocab_size=280)
    target = learn(home, "target.spm", model_type="unigram", vocab_size=260)
    names = [p for p in [*pieces(source), *pieces(target)] if p not in {"<s>", "</s>", "<unk>"}]
    tokens = ["</s>", "<unk>", ">>spa<<", ">>fra<<", ">>swa<<", *dict.fromkeys(names), "<pad>"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (home / "vocab.json").write_text(json.dumps(vocabulary))
    said = {"tokenizer_class": "MarianTokenizer", "source_lang": "eng", "target_lang": "mul"}
    said |= {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    (home / "tokenizer_config.json").write_text(json.dumps(said))
    pad = len(tokens) - 1
    config = transformers.MarianConfig(
        **BART,
        vocab_size=len(tokens),
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        bos_token_id=None,
        forced_eos_token_id=0,
        activation_function="swish",
        scale_embedding=True,
    )
    model = transformers.MarianMTModel(config)
    lively(model, home)
    return home


def nllb(home: Path) -> Path:
    """NLLB: fairseq's order of special tokens, 202 language codes and <mask> at the end."""
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    file = learn(home, "sentencepiece.bpe.model", model_type="bpe")
    tokenizer = transformers.NllbTokenizer.from_pretrained(home)
    tokenizer.add_special_tokens({"extra_special_tokens": FAIRSEQ_LANGUAGE_CODES})
    tokenizer.save_pretrained(home)
    assert file.is_file()
    config = transformers.M2M100Config(
        **BART, vocab_size=len(tokenizer) + 2, decoder_start_token_id=2, scale_embedding=True
    )
    lively(transformers.M2M100ForConditionalGeneration(config), home)
    return home


def m2m100(home: Path) -> Path:
    """M2M-100: vocab.json without language tokens, which follow it, and made-up words."""
    file = learn(home, "sentencepiece.bpe.model", model_type="bpe")
    tokens = ["<s>", "<pad>", "</s>", "<unk>", *pieces(file)[3:]]
    (home / "vocab.json").write_text(json.dumps({t: n for n, t in enumerate(tokens)}))
    tokenizer = transformers.M2M100Tokenizer.from_pretrained(home)
    tokenizer.save_pretrained(home)
    config = transformers.M2M100Config(
        **BART, vocab_size=len(tokens) + 100 + 8, decoder_start_token_id=2, scale_embedding=True
    )
    lively(transformers.M2M100ForConditionalGeneration(config), home)
    return home


def mbart50(home: Path) -> Path:
    """mBART-50: 52 language codes and <mask> after the pieces; </s> starts the decoder."""
    learn(home, "sentencepiece.bpe.model", model_type="unigram")
    tokenizer = transformers.MBart50Tokenizer.from_pretrained(home)
    tokenizer.save_pretrained(home)
    config = transformers.MBartConfig(
        **BART, vocab_size=len(tokenizer), decoder_start_token_id=2, scale_embedding=True
    )
    lively(transformers.MBartForConditionalGeneration(config), home)
    return home


def madlad(home: Path) -> Path:
    """MADLAD-400: <2xx> in the vocabulary, <unk> starts the decoder, outputs are not scaled."""
    symbols = ["<2en>", "<2es>", "<2sw>", "<2zh>", "<2zh_Hant>", "<2fil>"]
    ids = {"unk_id": 0, "pad_id": 1, "eos_id": 2, "bos_id": -1}
    learn(home, "spiece.model", model_type="unigram", user_defined_symbols=symbols, **ids)
    tokenizer = transformers.T5Tokenizer.from_pretrained(home, extra_ids=0)
    tokenizer.save_pretrained(home)
    config = transformers.T5Config(
        **T5,
        vocab_size=len(tokenizer),
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=0,
    )
    lively(transformers.T5ForConditionalGeneration(config), home)
    return home


def t5(home: Path) -> Path:
    """T5: <pad> starts the decoder, rows beyond the tokens, directions told by prompts."""
    ids = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
    learn(home, "spiece.model", model_type="unigram", **ids)
    tokenizer = transformers.T5Tokenizer.from_pretrained(home)
    tokenizer.save_pretrained(home)
    config = transformers.T5Config(
        **T5,
        vocab_size=len(tokenizer) + 28,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        task_specific_params={
            "translation_en_to_de": {"prefix": "translate English to German: "},
            "translation_en_to_fr": {"prefix": "translate English to French: "},
            "summarization": {"prefix": "summarize: "},
        },
    )
    lively(transformers.T5ForConditionalGeneration(config), home)
    return home


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "opus": marian,
    "nllb": nllb,
    "m2m100": m2m100,
    "mbart50": mbart50,
    "madlad": madlad,
    "t5": t5,
}


def build(family: str, home: Path, seed: int = 0) -> Path:
    """A model directory of this family, with random weights of this seed."""
    torch.manual_seed(seed)
    shutil.rmtree(home, ignore_errors=True)
    return FAMILIES[family](home)
