"""Phrases: what language models say beside a translation, or instead of one, in many languages."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import regex


class Phrases(NamedTuple):
    """What must stand in a text, and how (with word boundaries)."""

    texts: list[str]
    patterns: dict[str, regex.Pattern[str]]

    def starts(self, text: str) -> int:
        return any(self.patterns[t].match(text) for t in self.texts if text.startswith(t))

    def count(self, text: str) -> int:
        return sum(bool(self.patterns[t].search(text)) for t in self.texts if t in text)


class Kind(NamedTuple):
    """The phrases of one column; people too say what is `spoken`, and write `headings`."""

    start: Phrases
    anywhere: Phrases
    headings: Phrases
    spoken: Phrases
    excuses: Phrases

    def count(self, texts: Sequence[str]) -> int:
        return self._firm(texts) + self._headings(texts) + self._spoken(texts)

    def beyond(self, target: Sequence[str], source: Sequence[str]) -> int:
        """Phrases of the target that nothing in the source accounts for."""
        if self.count(source):
            return 0
        count = self._firm(target)
        if _colons(target) > _colons(source):
            count += self._headings(target)
        if not any(map(self.excuses.count, source)):
            count += self._spoken(target)
        return count

    def _firm(self, texts: Sequence[str]) -> int:
        return sum(self.start.starts(text) + self.anywhere.count(text) for text in texts)

    def _headings(self, texts: Sequence[str]) -> int:
        return sum(map(self.headings.starts, texts))

    def _spoken(self, texts: Sequence[str]) -> int:
        return sum(map(self.spoken.count, texts))


_COLON = regex.compile(r"(?<!\d)[:：]|[:：](?!\d)")
"""Colons that are not those of a time or a score."""


def _colons(texts: Sequence[str]) -> int:
    return sum(len(_COLON.findall(text)) for text in texts)


def plain(text: str) -> str:
    """The form in which texts are compared: lower case, without quotes and marks before it."""
    return text.lower().replace("’", "'").lstrip(" \t\n\"'“«„*#¡¿([")


@cache
def lists() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((files("xltpipe") / "phrases.toml").read_text("utf-8"))


@cache
def kinds() -> tuple[Kind, ...]:
    return tuple(
        Kind(*(_phrases(kind.get(place, [])) for place in Kind._fields))
        for kind in (lists()["refusal"], lists()["preamble"])
    )


def _phrases(phrases: Sequence[str]) -> Phrases:
    patterns = {phrase.removesuffix("*"): _pattern(phrase) for phrase in phrases}
    return Phrases(list(patterns), patterns)


def _pattern(phrase: str) -> regex.Pattern[str]:
    text = phrase.removesuffix("*")
    before = r"(?<![\p{L}\p{M}])" if regex.match(_SPACED, text, regex.V1) else ""
    after = r"(?![\p{L}\p{M}])" if regex.match(_SPACED, phrase[-1], regex.V1) else ""
    return regex.compile(before + regex.escape(text) + after)


_SPACED = r"[\p{L}--[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]]"
"""Letters of scripts that show where a word ends."""
