"""What a Hugging Face directory holds, seen before any weight is read: its family, and if it runs.

Refusals name the engine that runs such a model: `transformers`, which runs them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xltpipe.errors import RecipeError
from xltpipe.languages import Family
from xltpipe.model_files import read_json

_OTHERWISE = 'run it with translation.kind = "transformers" instead'
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# Beginnings of tokenizer classes: a fork may put its language tokens elsewhere (SMaLL-100), or read
# bytes (ByT5), under the same type of model. Classes of the library itself tell nothing.
_TOKENIZERS = {
    "marian": ("Marian",),
    "m2m_100": ("M2M100", "Nllb"),
    "mbart": ("MBart",),
    "t5": ("T5",),
    "mt5": ("T5", "MT5"),
    "umt5": ("T5", "UMT5"),
}
_NEUTRAL = ("", "TokenizersBackend", "PreTrainedTokenizerFast", "PreTrainedTokenizer")
_OURS = re.compile(r"<2\w+>")
_T5 = {"t5", "mt5", "umt5"}
# What the engine has for T5; a feed-forward projection is named "relu" or "gated-gelu".
_T5_ACTIVATIONS = {"relu", "gelu", "gelu_new", "silu", "swish"}
# Positions in the texts that T5 models were trained with; theirs are relative, without an end.
_T5_POSITIONS = 512


@dataclass(frozen=True, slots=True)
class Source:
    """A directory with a model that can be converted.

    `model_type` and `config` are transformers' own, `positions` is the most tokens of one side.
    """

    home: Path
    model_type: str
    family: Family
    config: Mapping[str, Any]
    tokenizer: Mapping[str, Any]
    positions: int


def examine(home: Path) -> Source:
    """Look at a directory's configuration.

    Raises:
        RecipeError: it holds no model, or one that CTranslate2 cannot run.
    """
    config = _json(home / "config.json")
    if config is None:
        raise RecipeError(
            f"Source must be a directory with a Hugging Face model, was: {home} (no config.json); "
            "fetch a model from the hub first: hf download NAME --local-dir FOLDER"
        )
    if not any((home / name).is_file() or _indexed(home, name) for name in _WEIGHTS):
        raise RecipeError(
            f"Source must hold the model's weights, was: {home} (neither {' nor '.join(_WEIGHTS)})"
        )
    model_type = str(config.get("model_type"))
    tokenizer = _json(home / "tokenizer_config.json") or {}
    family = _family(home, model_type, config, tokenizer)
    if config.get("quantization_config"):
        raise RecipeError(
            f"Source must hold plain weights, was: {home.name}, which is quantised already; "
            f"convert the model it was made from, or {_OTHERWISE}"
        )
    default = _T5_POSITIONS if model_type in _T5 else None
    named = config.get("max_position_embeddings") or config.get("n_positions") or default
    return Source(home, model_type, family, config, tokenizer, int(named or _T5_POSITIONS))


def _family(
    home: Path, model_type: str, config: Mapping[str, Any], tokenizer: Mapping[str, Any]
) -> Family:
    named = str(tokenizer.get("tokenizer_class") or config.get("tokenizer_class") or "")
    usual = _TOKENIZERS.get(model_type)
    if usual is not None and named not in _NEUTRAL and not named.startswith(usual):
        raise _refused(home, f"whose tokenizer is a {named}")
    if model_type == "marian":
        _check_marian(home, config, tokenizer)
        # OPUS-MT tells targets as >>spa<<, our own models as <2es>
        vocabulary = _json(home / "vocab.json") or {}
        return "xltpipe" if any(_OURS.fullmatch(token) for token in vocabulary) else "opus"
    if model_type == "m2m_100":
        if tokenizer.get("legacy_behaviour"):
            raise _refused(home, "an NLLB trained with its language codes last")
        return "nllb" if named.startswith("Nllb") or _mentions(home, "eng_Latn") else "m2m100"
    if model_type == "mbart":
        if not (named.startswith("MBart50") or _mentions(home, "gl_ES")):
            raise _refused(home, "an mBART-25, which puts its language tokens last")
        return "mbart50"
    if model_type in _T5:
        activation = str(config.get("feed_forward_proj", "relu")).removeprefix("gated-")
        if activation not in _T5_ACTIVATIONS:
            raise _refused(home, f"a T5 with activation {activation!r}")
        return "madlad" if _mentions(home, "<2en>") else "t5"
    raise _refused(home, f"of type {model_type!r}")


def _check_marian(home: Path, config: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> None:
    """A Marian model of the shape that the converter takes for granted."""
    sizes = {config.get("vocab_size"), config.get("decoder_vocab_size") or config.get("vocab_size")}
    shared = config.get("share_encoder_decoder_embeddings", True) and len(sizes) == 1
    if tokenizer.get("separate_vocabs") or not shared:
        raise _refused(home, "a Marian model with separate vocabularies for its two sides")
    if not config.get("static_position_embeddings", True):
        raise _refused(home, "a Marian model with learnt positions")
    pad, size = config.get("pad_token_id"), config.get("vocab_size")
    if pad is None or size is None or pad != size - 1:
        # The converter drops the last row as that of <pad>: any other would go instead of it.
        raise _refused(home, f"a Marian model whose <pad> is not last (id {pad} of {size})")


def _refused(home: Path, what: str) -> RecipeError:
    return RecipeError(
        "Source must be a Marian (OPUS-MT), NLLB, M2M-100, mBART-50, MADLAD or T5 model that "
        f"CTranslate2 can run, was: {home.name}, {what}; {_OTHERWISE}"
    )


def _mentions(home: Path, token: str) -> bool:
    """A token stands in one of the tokenizer's files, as JSON or in SentencePiece's own form."""
    names = (
        *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"),
        *("added_tokens.json", "spiece.model", "sentencepiece.bpe.model"),
    )
    wanted = token.encode()
    files = (home / name for name in names)
    return any(file.is_file() and wanted in file.read_bytes() for file in files)


def _indexed(home: Path, name: str) -> bool:
    return (home / f"{name}.index.json").is_file()


def _json(file: Path) -> dict[str, Any] | None:
    return read_json(file) if file.is_file() else None
