"""SmallLlama: a causal language model of chosen size from nothing but the run's own text.

It has rotary positions, gated layers and one matrix for input and output, as Llama (Touvron et
al., 2023), so that every program that reads such models reads it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from xltpipe.errors import require
from xltpipe.training.from_scratch import NewModel, learn_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


class SmallLlama(NewModel):
    """It learns the form of dialogues, and little else; the inner layer is 3 times as wide."""

    layers: int = Field(default=4, ge=1)
    width: int = Field(default=256, ge=4)
    heads: int = Field(default=4, ge=1)

    numbers_turned: ClassVar[int] = 2


def new_model(
    spec: SmallLlama, texts: Iterable[str], length: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A model with random weights, drawn from torch's generator (seed it before), and tokenizer."""
    transformers = require("transformers", "train")
    tokenizer = learn_tokenizer(texts, spec.vocabulary, length)
    tokenizer.eos_token = tokenizer.sep_token
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=spec.width,
        intermediate_size=3 * spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        num_key_value_heads=spec.heads,
        max_position_embeddings=length,
        initializer_range=spec.width**-0.5,  # the usual .02 is for widths of thousands
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return transformers.LlamaForCausalLM(config), tokenizer
