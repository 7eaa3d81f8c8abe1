"""Unigram: a tokenizer with pieces as T5 has them, and many words that it cannot write."""

from __future__ import annotations

from typing import Any

import pytest

# A mark for spaces, whole words of Latin and Chinese script, some letters; nothing of the rest.
_PIECES = ["<pad>", "</s>", "<unk>", "▁", "東京", "東", "京", "で", "▁Kano", *"Kanolives.<>/PER"]


def unigram_tokenizer() -> Any:
    """A fast tokenizer of transformers."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    model = tokenizers.models.Unigram([(p, -1.0 - (len(p) == 1)) for p in _PIECES], unk_id=2)
    raw = tokenizers.Tokenizer(model)
    raw.normalizer = tokenizers.normalizers.Replace("\u200b", "")
    raw.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    ends = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=raw, **ends)
