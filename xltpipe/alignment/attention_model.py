"""A CTranslate2 model opened for alignment: its engine, cutters, directions and limits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from pydantic import BaseModel, ValidationError

from xltpipe.alignment.subwords import Cutter
from xltpipe.errors import RecipeError, require
from xltpipe.language_tokens import LanguageTokens, language_tokens
from xltpipe.languages import Family, Language
from xltpipe.model_files import converted_config, read_json

SPARE = 6
"""Positions left free of a model's limit: special tokens on both sides."""

MAX_POSITIONS = 256
"""The limit where a model does not tell its own: that of the embedded model."""


class _Result(Protocol):
    attention: list[list[list[float]]]


class _Engine(Protocol):
    def translate_batch(
        self,
        source: list[list[str]],
        target_prefix: list[list[str]],
        *,
        beam_size: int,
        max_decoding_length: int,
        return_attention: bool,
        max_batch_size: int,
    ) -> list[_Result]: ...


@dataclass(frozen=True, slots=True)
class Model:
    """A loaded model, its cutters, and its language tokens in each direction that it has.

    `into_target` and `into_source` are the tokens put before the pieces of either side (none for
    models that know their direction), None for a direction that the model lacks. `room` is the
    number of pieces that fit.
    """

    engine: _Engine
    source: Cutter
    target: Cutter
    into_target: LanguageTokens | None
    into_source: LanguageTokens | None
    end: tuple[str, ...]
    room: int


class _Tokenizer(BaseModel):
    kind: str = "sentencepiece"
    source: str
    target: str | None = None


class _Description(BaseModel):
    """What alignment needs of a model's xltpipe.json; other keys are not its business."""

    tokenizer: _Tokenizer
    family: Family = "xltpipe"
    directions: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ()
    preprocessing: tuple[str, ...] = ()
    max_positions: int = MAX_POSITIONS


Named = tuple[Language, str | None]
"""A language, and the token that a model of one's own has for it as a target, if not the usual."""


def open_model(path: Path, source: Named, target: Named, *, threads: int, longest: int) -> Model:
    """Load a model for two languages.

    It has room for `longest` pieces, or as many as it has positions for.

    Raises:
        RecipeError: the model has neither direction, or its files do not tell how to use it.
    """
    said = _describe(path)
    forward, backward = (_covers(said, *pair) for pair in ((source, target), (target, source)))
    if not forward and not backward:
        known = [f"{one}-{other}" for one, other in said.directions] + list(said.languages)
        raise RecipeError(
            f"Attention model must translate between {source[0].id} and {target[0].id}, was: "
            f"{path.name} with {', '.join(known)}"
        )
    files = [said.tokenizer.source, said.tokenizer.target or said.tokenizer.source]
    cutters = [Cutter(path / name, said.preprocessing) for name in files]
    if not forward:
        cutters.reverse()  # what is the source to the model is the target here
    engine = require("ctranslate2", "ctranslate2").Translator(
        str(path), device="cpu", inter_threads=1, intra_threads=threads
    )
    config = converted_config(path)
    known_pieces = _vocabulary(path)
    return Model(
        engine=cast("_Engine", engine),
        source=cutters[0],
        target=cutters[1],
        into_target=_tokens(said, source, target, known_pieces) if forward else None,
        into_source=_tokens(said, target, source, known_pieces) if backward else None,
        end=() if config.get("add_source_eos") else (str(config["eos_token"]),),
        room=min(longest, said.max_positions - SPARE),
    )


def _covers(said: _Description, source: Named, target: Named) -> bool:
    pair = (source[0].id, target[0].id)
    if not said.directions and not said.languages:  # it does not tell
        return True
    return pair in said.directions or set(pair) <= set(said.languages)


def _tokens(said: _Description, source: Named, target: Named, known: set[str]) -> LanguageTokens:
    """The tokens of a direction that the vocabulary has."""
    if target[1] is not None:
        return LanguageTokens(tuple({target[1]} & known), ())
    tokens = language_tokens(said.family, source[0], target[0], known)
    return LanguageTokens(*(tuple(one for one in side if one in known) for side in tokens))


def _describe(path: Path) -> _Description:
    """xltpipe.json, or what the SentencePiece files of an OPUS-MT model tell."""
    try:
        if (path / "xltpipe.json").is_file():
            said = _Description.model_validate_json((path / "xltpipe.json").read_bytes())
            _check_usable(path, said)
            return said
    except ValidationError as error:
        raise RecipeError(
            f"xltpipe.json of {path} must describe the model, was: {error}"
        ) from error
    if (path / "source.spm").is_file() and (path / "target.spm").is_file():
        files = _Tokenizer(source="source.spm", target="target.spm")
        return _Description(family="opus", tokenizer=files)
    raise RecipeError(
        f"Attention model must have an xltpipe.json or source.spm and target.spm, was: {path}"
    )


def _check_usable(path: Path, said: _Description) -> None:
    """A model whose attention cannot be summed up to words says why."""
    why = None
    if said.family == "t5":
        why = "a T5, which reads its task as words among the others"
    elif said.tokenizer.kind != "sentencepiece":
        why = "one with a tokenizer.json, which does not tell where pieces stand as we need it"
    if why is not None:
        raise RecipeError(
            "Attention model must have a SentencePiece tokenizer and language tokens, was: "
            f'{path.name}, {why}; choose another aligner (such as kind = "hmm")'
        )


def _vocabulary(path: Path) -> set[str]:
    """All source pieces, to see which language tokens there are; empty if not listed as JSON."""
    for name in ("shared_vocabulary.json", "source_vocabulary.json"):
        if (path / name).is_file():
            return set(read_json(path / name, list))
    return set()
