"""Languages: one registry from ISO 639-3 and BCP 47 to the code each engine wants.

Rows of languages.tsv are filed under the ISO 639-3 id that data sets use: where ISO has a
macrolanguage with a two-letter code (`swa`, sw), that is the id, and its member that engines
mean by it (`swh`) is an alias. Facts from ISO 639-3, FLORES-200 (NLLB Team, 2022), M2M-100
(Fan et al., 2021), mBART-50 (Tang et al., 2020) and MADLAD-400 (Kudugunta et al., 2023).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Literal

from xltpipe.errors import RecipeError

Family = Literal["xltpipe", "opus", "nllb", "m2m100", "mbart50", "madlad", "t5"]
"""Engines that share a way of naming languages. T5 is told them by name, in English."""

# BCP 47 leaves the script out where the region implies it (RFC 5646, 4.1).
_IMPLIED_SCRIPTS = {
    ("zho", "TW"): "Hant",
    ("zho", "HK"): "Hant",
    ("zho", "MO"): "Hant",
    ("pan", "PK"): "Arab",
}


@dataclass(frozen=True, slots=True)
class Language:
    """A language in one script; engines' codes are None (or empty) where they lack it.

    `short` is the ISO 639-1 code or None; `scripts` are all ISO 15924 scripts the registry
    knows for it, most usual first.
    """

    id: str
    short: str | None
    name: str
    script: str
    scripts: tuple[str, ...]
    flores_codes: tuple[str, ...]
    m2m100: str | None
    mbart50: str | None = None
    madlad_codes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def flores(self) -> str | None:
        """The FLORES-200 code in this script, such as `zho_Hant`."""
        ending = f"_{self.script}"
        return next((code for code in self.flores_codes if code.endswith(ending)), None)

    @property
    def madlad(self) -> str | None:
        """The MADLAD-400 code; one without a script means the language's most usual script."""
        ending = f"_{self.script}"
        named = next((code for code in self.madlad_codes if code.endswith(ending)), None)
        plain = next((code for code in self.madlad_codes if "_" not in code), None)
        return named or (plain if self.script == self.scripts[0] else None)

    @property
    def opus(self) -> str:
        """The code in OPUS and OPUS-MT names: two letters where they exist, else three."""
        return self.short or self.id

    @property
    def token(self) -> str:
        """The target token of our own models, such as `<2es>`."""
        return f"<2{self.short or self.id}>"

    def code(self, family: Family) -> str:
        """What an engine of this family calls the language.

        Raises:
            RecipeError: the engine does not cover the language (in this script).
        """
        code = {
            "xltpipe": self.token,
            "opus": self.opus,
            "nllb": self.flores,
            "m2m100": self.m2m100,
            "mbart50": self.mbart50,
            "madlad": self.madlad,
            "t5": self.name,
        }[family]
        if code is None:
            raise RecipeError(
                f"Language must be one that {family} models cover, was: {self.name} "
                f"({self.id}_{self.script}); choose another model or language"
            )
        return code


def resolve(code: str) -> Language:
    """The language of an ISO 639-3, ISO 639-1 or BCP 47 code (`spa`, `es`, `zh-Hant`, `eng_Latn`).

    Regions are read for the script they imply and otherwise dropped: engines know languages.

    Raises:
        RecipeError: the code is unknown; the message suggests the nearest ones.
    """
    main, *subtags = code.strip().replace("_", "-").split("-")
    language = _codes().get(main.lower())
    if language is None:
        raise RecipeError(f"Language must be a known code, was: {code!r}{_suggestion(main)}")
    script = next((s.title() for s in subtags if len(s) == 4 and s.isalpha()), None)
    if script is None:
        regions = [s.upper() for s in subtags if len(s) == 2]
        script = next((_IMPLIED_SCRIPTS.get((language.id, region)) for region in regions), None)
    return language if script is None else _in_script(language, script, code)


@cache
def registry() -> tuple[Language, ...]:
    """All languages known, by ascending id, each in its most usual script."""
    lines = (files("xltpipe") / "languages.tsv").read_text("utf-8").splitlines()
    return tuple(_language(row) for row in csv.DictReader(lines, delimiter="\t"))


def _language(row: dict[str, str]) -> Language:
    scripts = tuple(row["scripts"].split())
    return Language(
        id=row["id"],
        short=row["iso1"] or None,
        name=row["name"],
        script=scripts[0],
        scripts=scripts,
        flores_codes=tuple(row["flores"].split()),
        m2m100=row["m2m100"] or None,
        mbart50=row["mbart50"] or None,
        madlad_codes=tuple(row["madlad"].split()),
        aliases=tuple(row["aliases"].split()),
    )


@cache
def _codes() -> dict[str, Language]:
    codes = {code: language for language in registry() for code in (language.id, *language.aliases)}
    return codes | {language.short: language for language in registry() if language.short}


def _in_script(language: Language, script: str, code: str) -> Language:
    if script not in language.scripts:
        raise RecipeError(
            f"Script of {language.name} must be one of {', '.join(language.scripts)}, was: {code!r}"
        )
    return replace(language, script=script)


def _suggestion(code: str) -> str:
    """The nearest codes and names, as the tail of an error message."""
    named = {language.name.lower(): language.id for language in registry()}
    spelt = {known: language.id for known, language in _codes().items()}
    pool = spelt | named
    ids = dict.fromkeys(
        pool[near] for near in get_close_matches(code.lower(), pool, n=8, cutoff=0.6)
    )
    shown = [f"{i} ({_codes()[i].name})" for i in list(ids)[:3]]
    return f"; did you mean {', '.join(shown)}?" if shown else "; see xltpipe/languages.tsv"
