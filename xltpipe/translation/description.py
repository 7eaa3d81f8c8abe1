"""Descriptions: what a model directory says (xltpipe.json) or shows about how to speak to it."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from xltpipe.errors import RecipeError
from xltpipe.languages import Family, Language, registry, resolve

FILE = "xltpipe.json"

_REMEDY = (
    f"write a {FILE} beside model.bin, such as "
    '{"family": "opus", "tokenizer": {"kind": "sentencepiece", "source": "source.spm", '
    '"target": "target.spm"}, "directions": [["eng", "spa"]], "max_positions": 512}'
)
# Positions that models of each family were trained with (their config.json on the hub).
_OPUS_POSITIONS, _MANY_POSITIONS = 512, 1024


class Tokenizer(BaseModel):
    """Files that cut text into the model's pieces; `target` is `source` where not given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sentencepiece", "hf"]
    source: str
    target: str | None = None


class Description(BaseModel):
    """How to speak to a model: its pieces, languages, markers and limits.

    `directions` are (source, target) ids; `languages` are ids between which any pair goes.
    `max_positions` counts tokens with all special ones, on either side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Family
    tokenizer: Tokenizer
    directions: tuple[tuple[str, str], ...] = ()
    languages: tuple[str, ...] = ()
    preprocessing: tuple[Literal["nfkc", "plain_punctuation", "spaced_inversion"], ...] = ()
    markers: tuple[str, ...] = ()
    max_positions: int = Field(ge=8)

    def covers(self, source: Language, target: Language) -> bool:
        if (source.id, target.id) in self.directions:
            return True
        return source.id in self.languages and target.id in self.languages

    def pairs(self) -> str:
        """The languages in words, for messages."""
        shown = [f"{source}-{target}" for source, target in self.directions]
        if self.languages:
            shown.append(f"any pair of {', '.join(self.languages)}")
        return "; ".join(shown)


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
        RecipeError: there are none.
    """
    for name in ("shared_vocabulary", f"{side}_vocabulary"):
        if (model / f"{name}.json").is_file():
            return list(map(str, json.loads((model / f"{name}.json").read_bytes())))
        if (model / f"{name}.txt").is_file():
            return (model / f"{name}.txt").read_text("utf-8").removesuffix("\n").split("\n")
    raise RecipeError(
        f"Model must have a shared or {side} vocabulary, was: {model}; convert it again with "
        "ct2-transformers-converter"
    )


@lru_cache(maxsize=8)
def vocabulary(model: Path, side: Side = "source") -> frozenset[str]:
    """The pieces of a side, without their order."""
    return frozenset(pieces(model, side))


def _opus(model: Path) -> Description:
    """An OPUS-MT pair, its languages from tokenizer_config.json or the directory's name."""
    config = model / "tokenizer_config.json"
    said = json.loads(config.read_bytes()) if config.is_file() else {}
    named = re.search(r"opus-mt-(?:tc-\w+-)?([a-z]{2,3})-([a-z]{2,3})(?![a-z])", model.name)
    if said.get("source_lang") and said.get("target_lang"):
        codes = (str(said["source_lang"]), str(said["target_lang"]))
    elif named is not None:
        codes = (named[1], named[2])
    else:
        raise RecipeError(f"Model must tell its languages, was: {model}; {_REMEDY}")
    source, target = (resolve(code).id for code in codes)
    return Description(
        family="opus",
        tokenizer=Tokenizer(kind="sentencepiece", source="source.spm", target="target.spm"),
        directions=((source, target),),
        max_positions=_OPUS_POSITIONS,
    )


def _many(model: Path) -> Description:
    """An NLLB or M2M-100 model, known by the language codes in its vocabulary."""
    pieces = vocabulary(model)
    nllb = tuple(known.id for known in registry() if known.flores in pieces)
    m2m100 = tuple(known.id for known in registry() if f"__{known.m2m100}__" in pieces)
    tokenizers = [
        Tokenizer(kind="sentencepiece", source=name)
        for name in ("sentencepiece.bpe.model", "spm.model")
    ] + [Tokenizer(kind="hf", source="tokenizer.json")]
    tokenizer = next((one for one in tokenizers if (model / one.source).is_file()), None)
    if tokenizer is None or not (nllb or m2m100):
        raise RecipeError(f"Model must be of a family xltpipe can tell, was: {model}; {_REMEDY}")
    return Description(
        family="nllb" if nllb else "m2m100",
        tokenizer=tokenizer,
        languages=nllb or m2m100,
        max_positions=_MANY_POSITIONS,
    )
