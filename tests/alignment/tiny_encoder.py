"""A tiny encoder of random weights, as a folder that transformers loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.alignment.bitexts import SCRIPTS

TEXTS = [*(text for pair in SCRIPTS for text in pair), "the red house is big", "สวัสดีชาวโลก"]


def write_encoder(home: Path) -> Path:
    """Write a random BERT of 20 positions that reads letters, and joins some of them."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    torch.manual_seed(1)
    torch.set_num_threads(1)
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    piece = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token=special[1]))
    piece.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    trainer = tokenizers.trainers.WordPieceTrainer(
        vocab_size=300, special_tokens=special, show_progress=False
    )
    piece.train_from_iterator([*TEXTS, *TEXTS, "la casa roja es grande"], trainer)
    piece.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=piece, **dict(zip(names, special, strict=True))
    )
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=20,
        pad_token_id=0,
        initializer_range=0.5,  # random embeddings that differ
    )
    transformers.BertModel(config).save_pretrained(home)
    tokenizer.save_pretrained(home)
    return home
