"""Descriptions: what a model directory says (xltpipe.json) or shows about how to speak to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from xltpipe.errors import RecipeError
from xltpipe.language_tokens import fillable, opus_token, told_by_tokens
from xltpipe.languages import Family, Language, registry, resolve
from xltpipe.manifests import is_inside
from xltpipe.model_files import read_json

FILE = "xltpipe.json"

_REMEDY = (
    f"write a {FILE} beside model.bin, such as "
    '{"family": "opus", "tokenizer": {"kind": "sentencepiece", "source": "source.spm", '
    '"target": "target.spm"}, "directions": [["eng", "spa"]], "max_positions": 512}'
)
# Positions that models of each family were trained with (their config.json on the hub).
_OPUS_POSITIONS, _MANY_POSITIONS, _MADLAD_POSITIONS = 512, 1024, 512


class Tokenizer(BaseModel):
    """Files that cut text into the model's pieces; `target` is `source` where not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sentencepiece", "hf"]
    source: str
    target: str | None = None

    @field_validator("source", "target")
    @classmethod
    def _inside(cls, name: str | None) -> str | None:
        if name is not None and not is_inside(name):
            raise ValueError(f"must name a file in the model's folder, was: {name[:80]!r}")
        return name


class Description(BaseModel):
    """How to speak to a model: its pieces, languages, markers and limits.

    `directions` are (source, target) ids; `languages` are ids between which any pair goes.
    `max_positions` counts tokens with all special ones, on either side. `prompt` tells a T5 its
    task in words, before the text, with `{source}` and `{target}` for the languages' names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family
    tokenizer: Tokenizer
    directions: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ()
    preprocessing: tuple[Literal["nfkc", "plain_punctuation", "spaced_inversion"], ...] = ()
    markers: tuple[str, ...] = ()
    prompt: str = ""
    max_positions: int = Field(ge=8)

    @field_validator("prompt")
    @classmethod
    def _fillable(cls, prompt: str) -> str:
        return fillable(prompt)

    def covers(self, source: Language, target: Language) -> bool:
        if (source.id, target.id) in self.directions:
            return True
        return source.id in self.languages and target.id in self.languages

    def pairs(self, most: int | None = None) -> str:
        """The languages in words, for messages: at most so many of either kind, the others counted.

        Without `most`, all.
        """
        shown = _some([f"{source}-{target}" for source, target in self.directions], most, "; ")
        if self.languages:
            many = f"any pair of {_some(self.languages, most, ', ')}"
            return f"{shown}; {many}" if shown else many
        return shown


def _some(names: Sequence[str], most: int | None, mark: str) -> str:
    if most is None or len(names) <= most:
        return mark.join(names)
    return f"{mark.join(names[:most])} and {len(names) - most} more"


def describe(model: Path) -> Description:
    """What xltpipe.json says, or what the files of a well-known family show.

    Raises:
        RecipeError: xltpipe.json is wrong, or missing and the files do not tell.
    """
    if (model / FILE).is_file():
        try:
            return Description.model_validate_json((model / FILE).read_bytes())
        except ValidationError as error:
            raise RecipeError(f"{model / FILE} must describe the model, was: {error}") from error
    if (model / "source.spm").is_file() and (model / "target.spm").is_file():
        return _opus(model)
    return _many(model)


Side = Literal["source", "target"]


def pieces(model: Path, side: Side = "source") -> list[str]:
    """The pieces of a side by id, from the files the CTranslate2 converters write.

    Raises:
        RecipeError: there are none, or the file is damaged.
    """
    for name in ("shared_vocabulary", f"{side}_vocabulary"):
        if (model / f"{name}.json").is_file():
            return list(map(str, read_json(model / f"{name}.json", list)))
        if (model / f"{name}.txt").is_file():
            try:
                text = (model / f"{name}.txt").read_text("utf-8")
            except ValueError as error:
                raise RecipeError(f"{name}.txt must be UTF-8, was: {model} ({error})") from error
            return text.removesuffix("\n").split("\n")
    raise RecipeError(
        f"Model must have a shared or {side} vocabulary, was: {model}; convert it again with "
        "xltpipe models convert"
    )


@lru_cache(maxsize=8)
def vocabulary(model: Path, side: Side = "source") -> frozenset[str]:
    """The pieces of a side, without their order."""
    return frozenset(pieces(model, side))


def _opus(model: Path) -> Description:
    """An OPUS-MT pair, its languages from tokenizer_config.json or the directory's name."""
    directions = opus_directions(model, vocabulary(model))
    if not directions:
        raise RecipeError(f"Model must tell its languages, was: {model}; {_REMEDY}")
    return Description(
        family="opus",
        tokenizer=Tokenizer(kind="sentencepiece", source="source.spm", target="target.spm"),
        directions=directions,
        max_positions=_OPUS_POSITIONS,
    )


def opus_directions(home: Path, pieces: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Pairs that the files or the name of an OPUS-MT model tell; none if they do not.

    A model with target tokens goes into each of their languages from those its name tells.
    """
    config = home / "tokenizer_config.json"
    said = read_json(config) if config.is_file() else {}
    named = re.search(r"opus-mt-(?:tc-\w+-)?([a-z]{2,3})-([A-Za-z]{2,})(?![a-z])", home.name)
    codes = (named[1], named[2]) if named is not None else ("", "")
    source = _one(str(said.get("source_lang") or "")) or _one(codes[0])
    target = _one(str(said.get("target_lang") or "")) or _one(codes[1])
    tokens = [known.id for known in registry() if opus_token(known, pieces)]
    targets = tokens or ([target] if target else [])
    return tuple((source, one) for one in targets if one != source) if source else ()


def _one(code: str) -> str | None:
    """The id of one language; a group of languages ("mul", "ROMANCE") is none."""
    try:
        return resolve(code).id if code else None
    except RecipeError:
        return None


TOKENIZERS = (
    *("sentencepiece.bpe.model", "spiece.model", "spm.model", "sentencepiece.model"),
    "tokenizer.json",
)
"""Names of tokenizer files, in the order in which they are taken."""


def _many(model: Path) -> Description:
    """A many-to-many model, known by the language tokens in its vocabulary."""
    family, languages = told_by_tokens(vocabulary(model))
    tokenizer = tokenizer_in(model)
    if tokenizer is None or not languages:
        raise RecipeError(f"Model must be of a family xltpipe can tell, was: {model}; {_REMEDY}")
    return Description(
        family=family,
        tokenizer=tokenizer,
        languages=languages,
        max_positions=_MADLAD_POSITIONS if family == "madlad" else _MANY_POSITIONS,
    )


def tokenizer_in(home: Path) -> Tokenizer | None:
    """The tokenizer that lies in a directory, SentencePiece before Hugging Face's JSON."""
    name = next((name for name in TOKENIZERS if (home / name).is_file()), None)
    if name is None:
        return None
    return Tokenizer(kind="hf" if name.endswith(".json") else "sentencepiece", source=name)
