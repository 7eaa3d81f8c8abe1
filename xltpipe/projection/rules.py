"""Rules: what decides where a span's boundaries go, each of them with a name to switch it off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Mode = Literal["min_max", "gap", "longest_run"]

Determiners = Literal["as_source", "inside", "outside"]
"""Articles that the target puts before a span: inside where the source span opens with a
determiner (or is a clause), always inside, or always outside."""

Rule = Literal[
    "identity",
    "numbers",
    "copies",
    "groups",
    "function_words",
    "capitals",
    "completion",
    "snapping",
    "determiners",
    "marks",
    "glue",
    "recovery",
]
ALL: frozenset[Rule] = frozenset(get_args(Rule))

CAPITAL_NOUNS = frozenset({"deu", "ltz"})
"""Languages that write all nouns with a capital: no noun phrase ends in a small word."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings of placing, in words where they are numbers; see `Aligned` for what they mean."""

    mode: Mode = "min_max"
    gap: int = 1
    long: int = 8
    clause: int = 4
    reach: int = 8
    determiners: Determiners = "as_source"
    used: frozenset[Rule] = ALL
    capital_nouns: bool = False
