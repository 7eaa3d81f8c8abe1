"""How to speak to a converted model: languages and prompt, from its files or as they are told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from xltpipe.errors import RecipeError
from xltpipe.language_tokens import MANY, fillable, spoken
from xltpipe.languages import registry, resolve
from xltpipe.translation.converted_source import Source
from xltpipe.translation.description import (
    FILE,
    Description,
    Tokenizer,
    describe,
    opus_directions,
    tokenizer_in,
    vocabulary,
)

_TASK = re.compile(r"translation_([a-z]{2,3})_to_([a-z]{2,3})")
_PAIR = re.compile(r"([A-Za-z_]+)-([A-Za-z_]+)")

Directions = tuple[tuple[str, str], ...]


def described(
    source: Source, model: Path, languages: Sequence[str], prompt: str | None
) -> Description:
    """The description of a converted model whose vocabulary and tokenizer lie in `model`.

    A source that describes itself (xltpipe.json) is taken at its word, unless told otherwise.

    Args:
        source: what it was converted from.
        model: the directory of the converted model.
        languages: pairs (`eng-spa`) of a model that knows its directions, or languages (`eng`)
            of one that goes between all of them; none: as its files tell.
        prompt: words that tell a T5 its task, with {source} and {target}; None: as its files tell.

    Raises:
        RecipeError: the files do not tell the languages, or the model lacks one that was named.
    """
    if (source.home / FILE).is_file() and not languages and prompt is None:
        return describe(source.home)
    tokenizer = _tokenizer(source)
    if source.family in MANY:
        return Description(
            family=source.family,
            tokenizer=tokenizer,
            languages=_languages(source, model, languages),
            max_positions=source.positions,
        )
    directions = tuple(_pair(source, one) for one in languages)
    if source.family == "t5":
        told, template = _tasks(source)
        directions, prompt = directions or told, template if prompt is None else prompt
    elif source.family == "opus":
        directions = directions or opus_directions(source.home, vocabulary(model))
    if not directions:
        raise RecipeError(
            f"Languages must be told, was: none, and the files of {source.home.name} do not tell "
            "them; add --languages eng-spa (source-target, one for each direction)"
        )
    return Description(
        family=source.family,
        tokenizer=tokenizer,
        directions=directions,
        preprocessing=_preprocessing(source, vocabulary(model)),
        prompt=_fillable(prompt or ""),
        max_positions=source.positions,
    )


def _fillable(prompt: str) -> str:
    try:
        return fillable(prompt)
    except ValueError as error:
        raise RecipeError(f"Prompt {error}") from error


_TYPOGRAPHIC = frozenset("‘’“”«»–—")


def _preprocessing(
    source: Source, pieces: Iterable[str]
) -> tuple[Literal["plain_punctuation"], ...]:
    """Most OPUS-MT models learnt from normalised punctuation: no piece of theirs has any other."""
    plain = source.family == "opus" and not any(_TYPOGRAPHIC & set(piece) for piece in pieces)
    return ("plain_punctuation",) if plain else ()


def _tokenizer(source: Source) -> Tokenizer:
    if source.family in {"opus", "xltpipe"}:
        return Tokenizer(kind="sentencepiece", source="source.spm", target="target.spm")
    found = tokenizer_in(source.home)
    if found is None:
        raise RecipeError(
            f"Source must hold its tokenizer, was: {source.home} (no sentencepiece.bpe.model, "
            "spiece.model or tokenizer.json); copy it from where the model came from"
        )
    return found


def _languages(source: Source, model: Path, wanted: Sequence[str]) -> tuple[str, ...]:
    known = spoken(source.family, registry(), vocabulary(model))
    if not known:
        raise RecipeError(
            f"Tokenizer must hold the language tokens of {source.family}, was: {source.home} "
            "without any; copy tokenizer.json from where the model came from"
        )
    ids = [resolve(one).id for one in wanted]
    missing = [one for one in ids if one not in known]
    if missing:
        raise RecipeError(
            f"Languages must be among the {len(known)} of {source.home.name}, was: "
            f"{', '.join(missing)}"
        )
    return tuple(dict.fromkeys(ids)) or tuple(known)


def _pair(source: Source, text: str) -> tuple[str, str]:
    found = _PAIR.fullmatch(text.strip())
    if found is None:
        raise RecipeError(
            f"Languages of a {source.family} model must be directions such as eng-spa, was: "
            f"{text!r}"
        )
    return resolve(found[1]).id, resolve(found[2]).id


def _tasks(source: Source) -> tuple[Directions, str | None]:
    """Directions and the prompt that a T5's configuration lists among its tasks."""
    found = list(_listed(source))
    templates = {template for _, template in found}
    if len(templates) > 1:
        raise RecipeError(
            f"Prompts of one model must be alike, was: {', '.join(sorted(templates))} in "
            f"{source.home.name}; give --prompt and --languages"
        )
    return tuple(pair for pair, _ in found), next(iter(templates), None)


def _listed(source: Source) -> Iterator[tuple[tuple[str, str], str]]:
    for task, settings in (source.config.get("task_specific_params") or {}).items():
        if (named := _TASK.fullmatch(task)) and "prefix" in settings:
            one, other = resolve(named[1]), resolve(named[2])
            text = str(settings["prefix"])
            template = text.replace(one.name, "{source}").replace(other.name, "{target}")
            yield (one.id, other.id), template
