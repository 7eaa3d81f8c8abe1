"""The weights and the vocabulary of a Hugging Face model, written by CTranslate2's own converter.

What the converter takes from transformers has moved under it since (October 2026): the vocabulary
is therefore laid out here, token by token, and three settings are put where it looks for them.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal, Protocol, cast

from xltpipe.errors import RecipeError, require
from xltpipe.model_files import more_than_tensors
from xltpipe.translation.converted_source import Source

Quantization = Literal[
    "float32", "float16", "bfloat16", "int16", "int8", "int8_float32", "int8_float16",
    "int8_bfloat16",
]  # fmt: skip


# A file that is missing or wrong comes out of transformers as any of these.
_TROUBLE = (RuntimeError, ValueError, TypeError, OSError, LookupError, AttributeError, ImportError)


class HubTokenizer(Protocol):
    """The part of a transformers tokenizer that is used here."""

    unk_token: str
    eos_token: str

    def convert_ids_to_tokens(self, ids: int) -> str | None: ...

    def convert_tokens_to_ids(self, tokens: str) -> int | None: ...


def convert_weights(source: Source, output: Path, quantization: Quantization) -> None:
    """Write model.bin, config.json and the vocabulary into a folder that is not there yet.

    Raises:
        RecipeError: the converter or transformers cannot read the model.
        MissingExtraError: transformers or torch is not installed.
    """
    require("torch", "train")
    require("transformers", "train")
    module = require("ctranslate2.converters", "train")

    class Converter(module.TransformersConverter):  # type: ignore[misc, name-defined]
        def load_model(self, model_class: Any, path: str, **settings: Any) -> Any:
            settings.pop("trust_remote_code", None)
            model = model_class.from_pretrained(path, trust_remote_code=False, **settings)
            _settle(model.config, source)
            return model

        def load_tokenizer(self, tokenizer_class: Any, path: str, **settings: Any) -> Any:
            settings.pop("trust_remote_code", None)
            tokenizer = tokenizer_class.from_pretrained(
                path, local_files_only=True, trust_remote_code=False, **settings
            )
            tokens = vocabulary(tokenizer, int(source.config["vocab_size"]))
            # Sorted by id, this is what the converter writes; it is to add nothing of its own.
            tokenizer.get_vocab = lambda: {token: number for number, token in enumerate(tokens)}
            tokenizer.num_madeup_words = 0
            if source.family == "mbart50" and tokenizer.bos_token is None:
                tokenizer.bos_token = "<s>"  # noqa: S105 - without one the engine does not load it
            return tokenizer

    try:
        with warnings.catch_warnings():  # what tidies punctuation has no part in a conversion
            warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
            Converter(str(source.home)).convert(str(output), quantization=quantization)
    except UnpicklingError:  # its text would advise to open it all the same
        raise more_than_tensors(source.home) from None
    except _TROUBLE as error:
        raise RecipeError(
            f"Source must be a model that CTranslate2 converts, was: {source.home} "
            f'({type(error).__name__}: {error}); run it with translation.kind = "transformers"'
        ) from error


def vocabulary(tokenizer: HubTokenizer, size: int) -> list[str]:
    """The token of each row of the embeddings; a row without one gets a name of its own.

    Models have more rows than tokens (M2M-100's made-up words, T5's padding to a multiple of 128),
    and one token may stand for several ids: the row that it is looked up in keeps its name.
    """
    tokens: list[str] = []
    for number in range(size):
        token = tokenizer.convert_ids_to_tokens(number)
        known = token is not None and tokenizer.convert_tokens_to_ids(token) == number
        tokens.append(cast("str", token) if known else f"madeupword{number}")
    return tokens


def _settle(config: Any, source: Source) -> None:
    """Settings that the converter reads and that configurations no longer state."""
    if source.family == "mbart50":  # always so in transformers' MBart
        config.normalize_before = config.normalize_embedding = True
        config.tokenizer_class = "MBart50Tokenizer"  # else no </s> comes before the target
    if source.model_type in {"t5", "mt5", "umt5"}:
        # The converter scales the output of "tied" models; here every T5 calls itself tied.
        config.tie_word_embeddings = bool(getattr(config, "scale_decoder_outputs", False))
