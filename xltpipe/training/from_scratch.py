"""What models without pretraining share: their size, and a tokenizer from the run's own text.

The tokenizer is a byte-level BPE (Radford et al., 2019): it covers every script without unknown
tokens, and, unlike WordPiece in `tokenizers`, learns the same pieces in every run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from xltpipe.errors import require
from xltpipe.spec import Spec

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


class NewModel(Spec):
    """Size of a model without pretraining."""

    layers: int = Field(default=2, ge=1)
    width: int = Field(default=128, ge=2)  # of the hidden states
    heads: int = Field(default=2, ge=1)
    vocabulary: int = Field(default=8000, ge=261)  # 256 bytes and 5 special tokens at least

    numbers_turned: ClassVar[int] = 1
    """Numbers of a head that belong together: 2 for rotary positions, which turn pairs."""

    @model_validator(mode="after")
    def _divisible(self) -> Self:
        if self.width % (self.numbers_turned * self.heads):
            of = "heads" if self.numbers_turned == 1 else f"{self.numbers_turned} x heads"
            raise ValueError(
                f"width must be a multiple of {of}, was: width {self.width}, heads {self.heads}"
            )
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
