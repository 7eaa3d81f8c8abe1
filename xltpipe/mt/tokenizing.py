"""Tokenizing: a SentencePiece BPE vocabulary as a fast tokenizer of transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xltpipe.errors import require
from xltpipe.mt.vocabulary import END, SPACE, UNKNOWN

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD = "<pad>"
"""Behind the last piece."""

_USER_DEFINED, _BYTE = 4, 6
"""Types of pieces in SentencePiece's files."""


def fast_tokenizer(spm: Path) -> PreTrainedTokenizerFast:
    """The same ids as SentencePiece gives, with the end of sentence behind them; and offsets.

    A target token (`<2es>`) or a marker in the text is its piece.
    """
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, processors
    from tokenizers.pre_tokenizers import Split

    transformers = require("transformers", "train")
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(spm.read_bytes())
    pieces = {piece.piece: number for number, piece in enumerate(proto.pieces)}
    names = list(pieces)
    scores = {p.piece: p.score for p in proto.pieces if p.type not in {_USER_DEFINED, _BYTE}}
    told = Tokenizer(
        models.BPE(
            vocab=pieces,
            merges=merges(scores),
            unk_token=names[UNKNOWN],
            byte_fallback=True,
            fuse_unk=False,
        )
    )
    told.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
            normalizers.Replace(Regex(" {2,}"), " "),
            normalizers.Strip(),
            normalizers.Prepend(SPACE),
            normalizers.Replace(" ", SPACE),
        ]
    )
    told.pre_tokenizer = Split(SPACE, "merged_with_next")
    told.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    told.add_tokens(
        [AddedToken(p.piece, normalized=True) for p in proto.pieces if p.type == _USER_DEFINED]
    )
    told.add_special_tokens([AddedToken(PAD, normalized=False)])
    told.post_processor = processors.TemplateProcessing(
        single=f"$A {names[END]}",
        pair=f"$A {names[END]} $B {names[END]}",
        special_tokens=[(names[END], END)],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=told,
        eos_token=names[END],
        unk_token=names[UNKNOWN],
        sep_token=names[END],
        pad_token=PAD,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )


def merges(scores: Mapping[str, float]) -> list[tuple[str, str]]:
    """The pairs that make each piece out of two others, in the order in which BPE learnt them.

    SentencePiece keeps pieces and their ranks alone: a piece may come out of any pair whose parts
    are pieces, and its rank decides when.
    """
    found = [
        (score, piece[:cut], piece[cut:])
        for piece, score in scores.items()
        for cut in range(1, len(piece))
        if piece[:cut] in scores and piece[cut:] in scores
    ]
    return [(left, right) for _, left, right in sorted(found, key=lambda one: -one[0])]
