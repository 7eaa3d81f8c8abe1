"""Checkpoints of random weights, in every family's own form, small enough to build in a test."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from xltpipe.translation.models import find_model

SIZES = {
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
}
TEXTS = ["Anna lives in Berlin", "Ana vive en Berlín", "hello world", "hola mundo", "[ A ]"] * 20


def write_marian(home: Path, seed: int = 1, **changes: object) -> Path:
    """A Marian model with the committed model's pieces: English to Spanish and back by `<2es>`."""
    home.mkdir(parents=True)
    spm = find_model("en-es-tatoeba") / "spm.model"
    for side in ("source", "target"):
        shutil.copy(spm, home / f"{side}.spm")
    pieces = json.loads((find_model("en-es-tatoeba") / "shared_vocabulary.json").read_text())
    vocabulary = {piece: number for number, piece in enumerate(pieces)} | {"<pad>": len(pieces)}
    (home / "vocab.json").write_text(json.dumps(vocabulary))
    (home / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "MarianTokenizer",
                "source_lang": "en",
                "target_lang": "es",
                "eos_token": "</s>",
                "unk_token": "<unk>",
                "pad_token": "<pad>",
                "additional_special_tokens": ["<2es>", "<2en>"],
            }
        )
    )
    said = json.loads((find_model("en-es-tatoeba") / "xltpipe.json").read_text())
    said["tokenizer"] = {"kind": "sentencepiece", "source": "source.spm", "target": "target.spm"}
    (home / "xltpipe.json").write_text(json.dumps(said))
    config = transformers.MarianConfig(
        vocab_size=len(vocabulary),
        decoder_vocab_size=len(vocabulary),
        max_position_embeddings=128,
        pad_token_id=len(pieces),
        decoder_start_token_id=len(pieces),
        eos_token_id=vocabulary["</s>"],
        forced_eos_token_id=vocabulary["</s>"],
        scale_embedding=True,
        **{**SIZES, **changes},
    )
    torch.manual_seed(seed)
    model = _sharpened(transformers.MarianMTModel(config))
    model.final_logits_bias[0, vocabulary["</s>"]] = 9.0  # some outputs end, some do not
    model.save_pretrained(home)
    return home


def write_other(home: Path, family: str, languages: list[str]) -> Path:
    """A model of another family, with a tokenizer that has these language tokens."""
    home.mkdir(parents=True)
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))  # noqa: S106 - a token of text
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", *languages]
    tokenizer.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=200, special_tokens=special)
    )
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token"), special, strict=False))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    fast.save_pretrained(home)
    ids = {"vocab_size": len(fast), "pad_token_id": 1, "eos_token_id": 2}
    torch.manual_seed(1)
    if family in {"m2m_100", "mbart"}:
        kind = {"m2m_100": "M2M100", "mbart": "MBart"}[family]
        config = getattr(transformers, f"{kind}Config")(
            **SIZES, **ids, decoder_start_token_id=2, max_position_embeddings=128
        )
        model = getattr(transformers, f"{kind}ForConditionalGeneration")(config)
    else:
        sizes = {"d_model": 32, "d_ff": 64, "d_kv": 16, "num_layers": 1, "num_heads": 2}
        config = transformers.T5Config(**sizes, **ids, decoder_start_token_id=1)
        model = transformers.T5ForConditionalGeneration(config)
    _sharpened(model).save_pretrained(home)
    return home


def _sharpened(model: torch.nn.Module) -> torch.nn.Module:
    """Random weights leave all tokens alike; spread out, outputs differ and some of them end."""
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.normal_(0.0, 0.4)
    return model
