"""What identifiers of languages are asked, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xltpipe.errors import RecipeError
from xltpipe.languages import resolve
from xltpipe.quality.column import Floats
from xltpipe.quality.language_text import Texts

Names = NDArray[np.str_]

UNSURE = ""
"""In place of a language's id."""

_KIN = (
    {"bos", "hrv", "srp"},
    {"nob", "nno"},
    {"ind", "msa"},
    {"fas", "prs"},
    {"zho", "yue", "wuu"},
    {"ara", "arz", "ary", "acm", "acq", "aeb", "ajp", "apc", "ars"},
    {"xho", "zul", "ssw", "nde", "nbl"},
    {"sot", "tsn", "nso"},
    {"kin", "run"},
    {"aka", "twi"},
)
"""Languages so near to each other that an identifier's word for one is none against another."""


@dataclass(frozen=True, slots=True)
class Opinions:
    """What an identifier says about texts, one value per text.

    `ours` and `theirs` are the shares (0..1) it gives the two languages it was asked about, NaN
    where it has no idea. `said` is the language that it is sure of, `UNSURE` where it is of none,
    and `certainty` the share that it gives that one.
    """

    ours: Floats
    theirs: Floats
    said: Names
    certainty: Floats


class Identifier(Protocol):
    def knows(self, language: str) -> bool:
        """Whether it can name this language (by its id in the registry)."""
        ...

    def opinions(self, texts: Texts, ours: str, theirs: str) -> Opinions:
        """What it says about each text, of two languages that it knows; the same alone or not."""
        ...


@cache
def named(code: str) -> str:
    """The registry's id of an identifier's code; the code itself if the registry lacks it."""
    try:
        return resolve(code).id
    except RecipeError:
        return code


@cache
def kin(language: str) -> frozenset[str]:
    """The language and those that identifiers take for it."""
    return frozenset({language}.union(*(group for group in _KIN if language in group)))
