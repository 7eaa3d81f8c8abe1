"""Pool: what a fault made on purpose may take from other rows, and what it gives back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xltpipe.types import Unit

Random = np.random.Generator

Made = tuple[Unit, str] | None
"""The spoilt unit and what was changed; None where the fault cannot be made of this unit."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a fault may take from other rows: units by the labels of their spans, span texts by
    label, and texts in a third language by id.
    """

    alike: Mapping[tuple[str, ...], Sequence[Unit]]
    names: Mapping[str, Sequence[str]]
    third: Mapping[str, str]

    @classmethod
    def of(cls, units: Sequence[Unit], third: Mapping[str, str] | None = None) -> Pool:
        alike: dict[tuple[str, ...], list[Unit]] = defaultdict(list)
        names: dict[str, dict[str, None]] = defaultdict(dict)
        for unit in units:
            alike[labels_of(unit)].append(unit)
            for span in unit.target.spans:
                names[span.label][unit.target.covered(span)] = None
        return cls(alike, {label: list(found) for label, found in names.items()}, third or {})


def labels_of(unit: Unit) -> tuple[str, ...]:
    return tuple(span.label for span in unit.target.spans)


def pick(random: Random, size: int) -> int:
    return int(random.integers(size))


def told(unit: Unit, number: int) -> str:
    span = unit.target.spans[number]
    return f"{unit.target.covered(span)!r} [{span.label}]"
