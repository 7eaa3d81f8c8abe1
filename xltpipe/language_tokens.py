"""Language tokens: what each family of models wants around a text to know its languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import NamedTuple

from xltpipe.languages import Family, Language


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
    if family == "nllb":  # as trained after legacy_behaviour=False: source code first
        return LanguageTokens((source.code(family),), (target.code(family),))
    if family == "m2m100":
        return LanguageTokens((f"__{source.code(family)}__",), (f"__{target.code(family)}__",))
    if family == "mbart50":
        return LanguageTokens((source.code(family),), (target.code(family),))
    if family == "madlad":
        return LanguageTokens((f"<2{target.code(family)}>",), ())
    if family == "xltpipe":
        return LanguageTokens((target.code(family),), ())
    if family == "t5":  # told in words, as part of the text
        return LanguageTokens((), ())
    token = opus_token(target, pieces)
    return LanguageTokens((token,) if token else (), ())


def opus_token(target: Language, pieces: Collection[str]) -> str | None:
    """The token of an OPUS-MT model with several targets, in whichever spelling it has it."""
    names = (target.id, f"{target.id}_{target.script}", target.opus, *target.aliases)
    return next((f">>{name}<<" for name in names if f">>{name}<<" in pieces), None)


_FORMS: dict[Family, Callable[[Language], str | None]] = {
    "nllb": lambda language: language.flores,
    "m2m100": lambda language: language.m2m100 and f"__{language.m2m100}__",
    "mbart50": lambda language: language.mbart50,
    "madlad": lambda language: language.madlad and f"<2{language.madlad}>",
}


def spoken(family: Family, languages: Collection[Language], pieces: Collection[str]) -> list[str]:
    """Ids of the languages for which a many-to-many model has a token."""
    form = _FORMS.get(family)
    return [one.id for one in languages if form is not None and form(one) in pieces]


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
