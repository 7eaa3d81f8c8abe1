"""A CTranslate2 model opened for alignment: its engine, cutters, directions and limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from pydantic import BaseModel, ValidationError

from xltpipe.alignment.subwords import Cutter
from xltpipe.errors import RecipeError, require

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
    """A loaded model, its cutters, and its target token in each direction that it has.

    `into_target` and `into_source` are the tokens put before the text (empty for models that
    know their direction), None for a direction that the model lacks. `room` is the number of
    pieces that fit.
    """

    engine: _Engine
    source: Cutter
    target: Cutter
    into_target: tuple[str, ...] | None
    into_source: tuple[str, ...] | None
    end: tuple[str, ...]
    room: int


class _Tokenizer(BaseModel):
    source: str
    target: str | None = None


class _Description(BaseModel):
    """What alignment needs of a model's xltpipe.json; other keys are not its business."""

    tokenizer: _Tokenizer
    directions: tuple[tuple[str, str], ...] = ()
    preprocessing: tuple[str, ...] = ()
    max_positions: int = MAX_POSITIONS


def open_model(
    path: Path, source: tuple[str, str], target: tuple[str, str], *, threads: int, longest: int
) -> Model:
    """Load a model for two languages, each given as (ISO 639-3 id, target token).

    It has room for `longest` pieces, or as many as it has positions for.

    Raises:
        RecipeError: the model has neither direction, or its files do not tell how to use it.
    """
    said = _describe(path)
    forward = not said.directions or (source[0], target[0]) in said.directions
    backward = (target[0], source[0]) in said.directions
    if not forward and not backward:
        raise RecipeError(
            f"Attention model must translate between {source[0]} and {target[0]}, was: {path.name} "
            f"with {', '.join('-'.join(pair) for pair in said.directions)}"
        )
    files = [said.tokenizer.source, said.tokenizer.target or said.tokenizer.source]
    cutters = [Cutter(path / name, said.preprocessing) for name in files]
    if not forward:
        cutters.reverse()  # what is the source to the model is the target here
    engine = require("ctranslate2", "ctranslate2").Translator(
        str(path), device="cpu", inter_threads=1, intra_threads=threads
    )
    config = json.loads((path / "config.json").read_bytes())
    known = _vocabulary(path)
    return Model(
        engine=cast("_Engine", engine),
        source=cutters[0],
        target=cutters[1],
        into_target=tuple({target[1]} & known) if forward else None,
        into_source=tuple({source[1]} & known) if backward else None,
        end=() if config.get("add_source_eos") else (str(config["eos_token"]),),
        room=min(longest, said.max_positions - SPARE),
    )


def _describe(path: Path) -> _Description:
    """xltpipe.json, or what the SentencePiece files of an OPUS-MT model tell."""
    try:
        if (path / "xltpipe.json").is_file():
            return _Description.model_validate_json((path / "xltpipe.json").read_bytes())
    except ValidationError as error:
        raise RecipeError(
            f"xltpipe.json of {path} must describe the model, was: {error}"
        ) from error
    if (path / "source.spm").is_file() and (path / "target.spm").is_file():
        return _Description(tokenizer=_Tokenizer(source="source.spm", target="target.spm"))
    raise RecipeError(
        f"Attention model must have an xltpipe.json or source.spm and target.spm, was: {path}"
    )


def _vocabulary(path: Path) -> set[str]:
    """All source pieces, to see which language tokens there are; empty if not listed as JSON."""
    for name in ("shared_vocabulary.json", "source_vocabulary.json"):
        if (path / name).is_file():
            return set(json.loads((path / name).read_bytes()))
    return set()
