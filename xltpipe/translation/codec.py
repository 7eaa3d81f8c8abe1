"""Codec: text to the tokens one model reads in one direction, and its tokens back to text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from xltpipe.errors import RecipeError, require
from xltpipe.languages import Language
from xltpipe.translation.description import Description, describe, vocabulary
from xltpipe.translation.normalisation import Normaliser

Pieces = list[str]


@dataclass(frozen=True, slots=True)
class Frame:
    """Special tokens around the pieces: before and after the source, and before the target."""

    before: tuple[str, ...]
    after: tuple[str, ...]
    prefix: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Codec:
    """Encodes for one model and direction; both ways give one result per input, same order."""

    frame: Frame
    tokeniser: Tokeniser
    normaliser: Normaliser
    specials: frozenset[str]
    end: str

    def encode(self, texts: Sequence[str], limit: int) -> list[tuple[Pieces, bool]]:
        """Source tokens of each text, at most `limit` with the special ones, and if it was cut."""
        before, after = list(self.frame.before), list(self.frame.after)
        room = limit - len(before) - len(after)
        pieces = self.tokeniser.encode([self.normaliser.before(text) for text in texts])
        return [(before + one[:room] + after, len(one) > room) for one in pieces]

    def decode(self, outputs: Sequence[Pieces]) -> list[str]:
        """Texts of target tokens; special tokens never appear in them."""
        specials = self.specials
        pieces = [[piece for piece in one if piece not in specials] for one in outputs]
        return [self.normaliser.after(text) for text in self.tokeniser.decode(pieces)]


class Tokeniser(Protocol):
    """Cuts texts into pieces and joins them again, in batches."""

    def encode(self, texts: list[str]) -> list[Pieces]: ...

    def decode(self, pieces: list[Pieces]) -> list[str]: ...


class SentencePiece:
    """SentencePiece models for source and target (Kudo and Richardson, 2018)."""

    def __init__(self, source: Path, target: Path) -> None:
        from sentencepiece import SentencePieceProcessor

        self._source = SentencePieceProcessor(model_file=str(source))
        self._target = SentencePieceProcessor(model_file=str(target))

    def encode(self, texts: list[str]) -> list[Pieces]:
        pieces: list[Pieces] = self._source.encode(texts, out_type=str, num_threads=1)
        return pieces

    def decode(self, pieces: list[Pieces]) -> list[str]:
        texts: list[str] = self._target.decode(pieces, num_threads=1)
        return texts


class HuggingFace:
    """A tokenizer.json, read without transformers."""

    def __init__(self, file: Path) -> None:
        self._tokenizer = require("tokenizers", "train").Tokenizer.from_file(str(file))

    def encode(self, texts: list[str]) -> list[Pieces]:
        encoded = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [one.tokens for one in encoded]

    def decode(self, pieces: list[Pieces]) -> list[str]:
        ids = [[self._tokenizer.token_to_id(piece) for piece in one] for one in pieces]
        texts: list[str] = self._tokenizer.decode_batch(ids)
        return texts


@lru_cache(maxsize=32)
def codec(model: Path, source: Language, target: Language) -> Codec:
    """The codec of a model for one direction.

    Raises:
        RecipeError: the model does not translate this pair, or a tokenizer file is missing.
    """
    description = describe(model)
    if not description.covers(source, target):
        raise RecipeError(
            f"Language pair must be one that {model.name} translates, was: "
            f"{source.id}-{target.id}; it translates {description.pairs()}"
        )
    config = json.loads((model / "config.json").read_bytes())
    end = str(config["eos_token"])
    # Converters differ in who adds the end: a second one would shift every position.
    adds_end = bool(config.get("add_source_eos"))
    framing = frame(description, source, target, vocabulary(model))
    return Codec(
        frame=Frame(framing.before, () if adds_end else (end,), framing.prefix),
        tokeniser=_tokeniser(model, description),
        normaliser=Normaliser(description.preprocessing, description.markers),
        specials=frozenset({end, str(config["unk_token"]), *framing.before, *framing.prefix}),
        end=end,
    )


def frame(
    description: Description, source: Language, target: Language, pieces: frozenset[str]
) -> Frame:
    """Language tokens by family, without the end of the source."""
    family = description.family
    if family == "nllb":  # as trained after legacy_behaviour=False: source code first
        return Frame((source.code(family),), (), (target.code(family),))
    if family == "m2m100":
        return Frame((f"__{source.code(family)}__",), (), (f"__{target.code(family)}__",))
    if family == "xltpipe":
        return Frame((target.code(family),), (), ())
    # OPUS-MT: only models with several targets have tokens, in more than one spelling.
    names = (target.id, f"{target.id}_{target.script}", target.opus, *target.aliases)
    token = next((f">>{name}<<" for name in names if f">>{name}<<" in pieces), None)
    return Frame((token,) if token else (), (), ())


def _tokeniser(model: Path, description: Description) -> Tokeniser:
    said = description.tokenizer
    source, target = model / said.source, model / (said.target or said.source)
    for file in (source, target):
        if not file.is_file():
            raise RecipeError(
                f"Tokenizer file must lie in the model's directory, was: {file} (missing); "
                "copy it from the model that was converted"
            )
    return HuggingFace(source) if said.kind == "hf" else SentencePiece(source, target)
