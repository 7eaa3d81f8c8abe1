"""Tokenisers: text to pieces and back, in batches, from the file that came with the model."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from xltpipe.errors import RecipeError, require
from xltpipe.translation.description import Description, Side

Pieces = list[str]


class Tokeniser(Protocol):
    """Cuts texts into pieces and joins them again, in batches."""

    def encode(self, texts: list[str]) -> list[Pieces]: ...

    def decode(self, pieces: list[Pieces]) -> list[str]: ...

    def pieces(self, side: Side) -> list[str]:
        """All pieces that texts of a side may be cut into."""
        ...


class SentencePiece:
    """SentencePiece models for source and target (Kudo and Richardson, 2018)."""

    def __init__(self, source: Path, target: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        try:
            self._source = SentencePieceProcessor(model_file=str(source))
            self._target = SentencePieceProcessor(model_file=str(target))
        except (RuntimeError, OSError) as error:
            raise RecipeError(
                f"Tokenizer file must be a SentencePiece model, was: {source.parent} with "
                f"{source.name} and {target.name} ({error}); copy them again"
            ) from error

    def encode(self, texts: list[str]) -> list[Pieces]:
        pieces: list[Pieces] = self._source.encode(texts, out_type=str, num_threads=1)
        return pieces

    def decode(self, pieces: list[Pieces]) -> list[str]:
        texts: list[str] = self._target.decode(pieces, num_threads=1)
        return texts

    def pieces(self, side: Side) -> list[str]:
        one = self._source if side == "source" else self._target
        texts = (k for k in range(len(one)) if not (one.is_control(k) or one.is_unknown(k)))
        try:
            return [one.id_to_piece(k) for k in texts if not (one.is_unused(k) or one.is_byte(k))]
        except UnicodeDecodeError as error:
            raise RecipeError(
                f"Pieces of a SentencePiece model must be UTF-8, was: {error} ({side} side); copy "
                "the tokenizer again"
            ) from error


class HuggingFace:
    """A tokenizer.json, read without transformers; tokens spelt out in a text are plain text."""

    def __init__(self, file: Path) -> None:
        package = require("tokenizers", "train")
        try:
            self._tokenizer = package.Tokenizer.from_file(str(file))
        except Exception as error:  # of its own kind, without a name in Python
            raise RecipeError(
                f"Tokenizer file must be a tokenizer.json, was: {file} ({error}); copy it again"
            ) from error
        self._tokenizer.encode_special_tokens = True

    def encode(self, texts: list[str]) -> list[Pieces]:
        try:
            encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        except Exception as error:  # of its own kind, without a name in Python
            raise RecipeError(
                f"Tokenizer must cut every text, was: {error}; its tokenizer.json is not whole"
            ) from error
        return [one.tokens for one in encoded]

    def decode(self, pieces: list[Pieces]) -> list[str]:
        ids = [[self._tokenizer.token_to_id(piece) for piece in one] for one in pieces]
        texts: list[str] = self._tokenizer.decode_batch(ids)
        return texts

    def pieces(self, side: Side) -> list[str]:  # noqa: ARG002 - one for both
        return list(self._tokenizer.get_vocab(with_added_tokens=False))


def tokeniser(model: Path, description: Description) -> Tokeniser:
    """The tokeniser of a model's source and target side.

    Raises:
        RecipeError: a file of it is missing or broken.
    """
    said = description.tokenizer
    source, target = model / said.source, model / (said.target or said.source)
    for file in (source, target):
        if not file.is_file():
            raise RecipeError(
                f"Tokenizer file must lie in the model's directory, was: {file} (missing); "
                "copy it from the model that was converted"
            )
    return HuggingFace(source) if said.kind == "hf" else SentencePiece(source, target)
