"""Vocabulary: joint SentencePiece BPE with target tokens, label markers and bytes.

SentencePiece: Kudo and Richardson (2018). Bytes stand in for characters that are not in it, so
that no text loses any. Pieces never cross a space or go from letters to punctuation, so
that a marker put at a word's edge leaves all other pieces as they are.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import DataError
from xltpipe.languages import resolve

MARKERS = tuple("ABCDEFGH")
"""Names of the bracket markers that models learn to carry through."""

SPACE = "▁"
END, UNKNOWN = 0, 1

_ALWAYS = string.ascii_letters + string.digits + string.punctuation
"""Characters that are pieces of their own, whether the text has them or not."""


def target_token(language: str) -> str:
    return resolve(language).token


def train(lines: Iterable[str], file: Path, languages: Sequence[str], size: int) -> None:
    """Learn a vocabulary of `size` pieces from normalised texts and write the model to `file`.

    Raises:
        DataError: the text is too small for so many pieces.
    """
    import sentencepiece

    symbols = [target_token(language) for language in languages]
    symbols += [f"{SPACE}[{edge}{name}]" for edge in ("", "/") for name in MARKERS]
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open("wb") as out:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines),
                model_writer=out,
                vocab_size=size,
                model_type="bpe",
                character_coverage=0.9999,
                byte_fallback=True,
                required_chars=_ALWAYS,
                user_defined_symbols=symbols,
                normalization_rule_name="nmt_nfkc",
                eos_id=END,
                unk_id=UNKNOWN,
                bos_id=-1,
                pad_id=-1,
                max_sentence_length=8000,
                num_threads=1,
                minloglevel=2,
            )
    except RuntimeError as error:
        raise DataError(
            f"Text must be enough for a vocabulary of {size} pieces, was: {error}; "
            "set a smaller vocabulary.size"
        ) from error


@dataclass(frozen=True, slots=True)
class Pieces:
    """What training needs to know of each piece, by id.

    `opens` says that a piece begins with a space; `kind` is 0 for letters and digits, 1 for
    punctuation and symbols, 2 for specials (target tokens, markers, end of sentence).
    """

    names: tuple[str, ...]
    opens: NDArray[np.bool_]
    kind: NDArray[np.int8]

    @classmethod
    def read(cls, file: Path) -> Pieces:
        from sentencepiece import SentencePieceProcessor

        model = SentencePieceProcessor(model_file=str(file))
        names = tuple(model.id_to_piece(i) for i in range(model.get_piece_size()))
        return cls(
            names,
            np.array([name.startswith(SPACE) for name in names]),
            np.array([_kind(name) for name in names], np.int8),
        )

    def index(self, name: str) -> int:
        return self.names.index(name)

    def starts(self, ids: NDArray[np.uint16]) -> NDArray[np.int64]:
        """Where words begin among pieces: at spaces, and at either side of punctuation."""
        kind = self.kind[ids]
        starts = self.opens[ids] | (kind == 1)
        starts[1:] |= kind[:-1] == 1
        if len(starts):
            starts[0] = True
        return np.flatnonzero(starts)


def _kind(name: str) -> int:
    bare = name.removeprefix(SPACE)
    if name in {"</s>", "<unk>"} or (name.startswith(("<2", f"{SPACE}[")) and len(bare) > 2):
        return 2
    if name.startswith("<0x"):
        return 0
    return 0 if any(c.isalnum() for c in bare) or not bare else 1
