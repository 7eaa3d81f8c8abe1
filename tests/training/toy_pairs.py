"""Pairs: the toy's English and Swahili phrases as sides of units, and classes on them."""

from __future__ import annotations

from dataclasses import replace

from tests.training.toy import phrase
from xltpipe.types import Example, Unit

_PEOPLE = ["Amina", "Bello", "Joseph", "Grace", "Musa", "Neema", "Juma"]
_PLACES = ["Kano", "Lagos", "Mombasa", "Dodoma"]


def pairs() -> list[Unit]:
    """English source and Swahili target, both labelled, of every person and place."""
    return [
        Unit(
            phrase("{} lives in {} .", "eng", person, place),
            phrase("{} anaishi {} .", "swa", person, place),
        )
        for person in _PEOPLE
        for place in _PLACES
    ]


def hidden() -> list[Unit]:
    """Units of one label, which the source alone tells: the target says the same for all."""
    return [
        Unit(
            Example(f"{place}-{i}", "eng", (f"This was {word} , {place} ",), label=label),
            Example(f"{place}-{i}", "swa", (f"Hii ilikuwa {place} .",), label=label),
        )
        for place in _PLACES
        for i, (word, label) in enumerate([("good", "pos"), ("bad", "neg")])
        for _ in range(4)
    ]


def bare(unit: Unit) -> Unit:
    """Without labels, as it comes to be predicted."""
    sides = (replace(side, spans=(), label=None) for side in (unit.source, unit.target))
    return Unit(*sides)
