"""SmallBert: a BERT of chosen size and its tokenizer, both from nothing but the run's own text.

The tokenizer is a byte-level BPE (Radford et al., 2019): it covers every script without unknown
tokens, and, unlike WordPiece in `tokenizers`, learns the same pieces in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from xltpipe.errors import require
from xltpipe.spec import Spec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


class SmallBert(Spec):
    """Size of a model without pretraining; 2 layers of 128 train in minutes on a CPU."""

    layers: int = Field(default=2, ge=1)
    width: int = Field(default=128, ge=2)  # of the hidden states; the inner layer is 4 times it
    heads: int = Field(default=2, ge=1)
    vocabulary: int = Field(default=8000, ge=261)  # 256 bytes and 5 special tokens at least

    @model_validator(mode="after")
    def _divisible(self) -> SmallBert:
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads, was: {self.width}, {self.heads}")
        return self


def learn_tokenizer(texts: Iterable[str], size: int, length: int) -> PreTrainedTokenizerFast:
    """A fast tokenizer of at most `size` pieces, for windows of `length` tokens."""
    tokenizers = require("tokenizers", "train")
    transformers = require("transformers", "train")
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        special_tokens=list(_SPECIAL.values()),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(texts, trainer)
    ends = [
        (name, bpe.token_to_id(name)) for name in (_SPECIAL["sep_token"], _SPECIAL["cls_token"])
    ]
    bpe.post_processor = tokenizers.processors.RobertaProcessing(
        *ends, trim_offsets=True, add_prefix_space=True
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe, model_max_length=length, **_SPECIAL
    )


def new_model(
    spec: SmallBert,
    tokenizer: PreTrainedTokenizerFast,
    labels: Mapping[int, str],
    length: int,
    head: str,
) -> PreTrainedModel:
    """A model with random weights, drawn from torch's generator: seed it before.

    `head` is the last part of the name of its class; some have no labels.
    """
    transformers = require("transformers", "train")
    names: dict[str, Any] = {}
    if labels:
        names["id2label"] = dict(labels)
        names["label2id"] = {label: i for i, label in labels.items()}
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        intermediate_size=4 * spec.width,
        max_position_embeddings=length,
        pad_token_id=tokenizer.pad_token_id,
        **names,
    )
    return getattr(transformers, f"BertFor{head}")(config)
