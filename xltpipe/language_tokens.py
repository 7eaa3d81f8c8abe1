"""Language tokens: what each family of models wants around a text to know its languages.

T5 is told them in words, by a prompt with `{source}` and `{target}` for the languages' names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from xltpipe.languages import Family, Language, registry

# NLLB as trained after legacy_behaviour=False, and as tokenizers have it: the source code first.
_FORMS: dict[Family, str] = {
    "nllb": "{}",
    "m2m100": "__{}__",
    "mbart50": "{}",
    "madlad": "<2{}>",
    "xltpipe": "{}",
}
_TARGET_ONLY = {"madlad", "xltpipe"}


class LanguageTokens(NamedTuple):
    """Tokens before the source's pieces and before the target's."""

    source: tuple[str, ...]
    target: tuple[str, ...]


def language_tokens(
    family: Family, source: Language, target: Language, pieces: Collection[str]
) -> LanguageTokens:
    """The tokens of a direction, without any end; `pieces` are the model's source vocabulary.

    Raises:
        RecipeError: the family has no code for one of the languages.
    """
    if family == "t5":  # told in words, as part of the text
        return LanguageTokens((), ())
    if family == "opus":
        token = opus_token(target, pieces)
        return LanguageTokens((token,) if token else (), ())
    form = _FORMS[family]
    wanted = form.format(target.code(family))
    if family in _TARGET_ONLY:
        return LanguageTokens((wanted,), ())
    return LanguageTokens((form.format(source.code(family)),), (wanted,))


def opus_token(target: Language, pieces: Collection[str]) -> str | None:
    """The token of an OPUS-MT model with several targets, in whichever spelling it has it."""
    names = (target.id, f"{target.id}_{target.script}", target.opus, *target.aliases)
    return next((f">>{name}<<" for name in names if f">>{name}<<" in pieces), None)


def spoken(family: Family, languages: Collection[Language], pieces: Collection[str]) -> list[str]:
    """Ids of the languages for which a many-to-many model has a token."""
    codes: dict[Family, Callable[[Language], str | None]] = {
        "nllb": lambda language: language.flores,
        "m2m100": lambda language: language.m2m100,
        "mbart50": lambda language: language.mbart50,
        "madlad": lambda language: language.madlad,
    }
    coded = [(one.id, codes[family](one)) for one in languages] if family in codes else []
    return [id for id, code in coded if code and _FORMS[family].format(code) in pieces]


MANY: tuple[Family, ...] = ("nllb", "m2m100", "mbart50", "madlad")
"""Families that translate between any two of their languages, told by tokens."""


def told_by_tokens(pieces: Collection[str]) -> tuple[Family, tuple[str, ...]]:
    """The family of a many-to-many model by the tokens in its vocabulary, and its languages.

    No languages: the model is not told them by tokens.
    """
    found = {family: tuple(spoken(family, registry(), pieces)) for family in MANY}
    family = max(found, key=lambda one: len(found[one]))
    return family, found[family]


_FIELD = re.compile(r"\{(source|target)\}")


def fillable(prompt: str) -> str:
    """The prompt, if it has no braces but `{source}` and `{target}`.

    Raises:
        ValueError: it has others. Python's own formatting would obey them: `{source:9999999999}`
            fills the memory.
    """
    if set(_FIELD.sub("", prompt)) & set("{}"):
        raise ValueError(
            f"must hold no other braces than {{source}} and {{target}}, was: {prompt[:80]!r}"
        )
    return prompt


def filled(prompt: str, source: Language, target: Language) -> str:
    """A prompt with the languages' names."""
    names = {"source": source.name, "target": target.name}
    return _FIELD.sub(lambda field: names[field[1]], prompt)


_ALWAYS = r"</?s>|<pad>|<unk>|<mask>|madeupword\d+|<extra_id_\d+>"
_SPELT: dict[Family, str] = {
    "xltpipe": r"<2\w+>",
    "madlad": r"<2\w+>",
    "opus": ">>[^<>]+<<",
    "nllb": "[a-z]{3}_[A-Z][a-z]{3}",
    "m2m100": "__[a-z]{2,3}__",
    "mbart50": "[a-z]{2}_[A-Z]{2}",
}


def special(family: Family, pieces: Collection[str]) -> frozenset[str]:
    """The pieces that are no part of any text: language tokens, ends, and names of empty rows."""
    form = re.compile("|".join(filter(None, (_ALWAYS, _SPELT.get(family)))))
    return frozenset(piece for piece in pieces if form.fullmatch(piece))
