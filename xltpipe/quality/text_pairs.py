"""Text pairs: what models are asked about; each distinct pair once, a row by its worst text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import NamedTuple, Protocol

import numpy as np

from xltpipe import progress
from xltpipe.errors import DataError
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats
from xltpipe.quality.keys import Ints
from xltpipe.types import one_each

MOST_KEPT = 50_000
"""Answers remembered by a scorer; beyond it all are forgotten, which only costs time."""

Texts = tuple[str, str]
"""A source text and its target text."""


class Reading(NamedTuple):
    """What a model makes of one pair: None where it has no say; `cut` if it did not read all."""

    value: float | None
    cut: bool = False


class Measure(Protocol):
    """Reads pairs of texts: one reading per pair, same order, whatever pairs stand beside it."""

    def read(self, pairs: Sequence[Texts]) -> list[Reading]: ...


@dataclass(frozen=True, slots=True)
class TextPairs:
    """The distinct pairs of a batch; pair `number[k]` stands in row `row[k]`.

    A pair with a blank side is none: there is nothing to compare (`target_words` fails the row).
    """

    distinct: list[Texts]
    row: Ints
    number: Ints

    @classmethod
    def of(cls, batch: Batch) -> TextPairs:
        known: dict[Texts, int] = {}
        rows, numbers = [], []
        source, target = batch.source, batch.target
        for row in range(batch.rows):
            ours = source.strings[source.first[row] : source.first[row + 1]]
            theirs = target.strings[target.first[row] : target.first[row + 1]]
            for pair in zip(ours, theirs, strict=False):  # the shorter side has nothing to compare
                if all(map(str.strip, pair)):
                    rows.append(row)
                    numbers.append(known.setdefault(pair, len(known)))
        return cls(list(known), np.array(rows, np.int64), np.array(numbers, np.int64))


class ByPair:
    """A measure of text pairs as a scorer: a row's score is the lowest of its pairs'.

    NaN where a row has no pair, or one that the measure has no value for. Readings are kept: the
    stage asks again for rows that stand beside a faulty one. `counts` tells how many rows hold a
    text that was cut; `told` is what to say then.
    """

    def __init__(self, column: Column, measure: Measure, told: str) -> None:
        self.columns = (column,)
        self._measure, self._told = measure, told
        self._known: dict[Texts, Reading] = {}
        self._cut: set[str] = set()

    @property
    def counts(self) -> dict[str, int]:
        """Rows with a text that was cut, each once."""
        return {f"{self.columns[0].name}_cut": len(self._cut)}

    def score(self, batch: Batch) -> list[Floats]:
        """One value per row.

        Raises:
            DataError: the model gives a pair no finite number; the message names the example.
        """
        found = TextPairs.of(batch)
        readings = self._read(found.distinct)
        ids = batch.table.column("id").to_pylist()
        self._check(readings, found, ids)
        self._note(readings, found, ids)
        values = np.array([nan if r.value is None else r.value for r in readings], np.float64)
        return [_lowest(values[found.number], found.row, batch.rows)]

    def _check(self, readings: Sequence[Reading], found: TextPairs, ids: Sequence[str]) -> None:
        for number, (value, _) in enumerate(readings):
            if value is not None and not isfinite(value):
                example = ids[int(found.row[np.argmax(found.number == number)])]
                raise DataError(
                    f"Score {self.columns[0].name} must be a finite number, was: {value} for "
                    f"example {example!r}; see that the model is whole"
                )

    def _read(self, pairs: Sequence[Texts]) -> list[Reading]:
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        new = [pair for pair in pairs if pair not in self._known]
        if new:
            readings = self._measure.read(new)
            one_each(f"Measure of {self.columns[0].name}", len(new), readings)
            self._known.update(zip(new, readings, strict=True))
        return [self._known[pair] for pair in pairs]

    def _note(self, readings: Sequence[Reading], found: TextPairs, ids: Sequence[str]) -> None:
        cut = {number for number, reading in enumerate(readings) if reading.cut}
        if cut:
            self._cut.update(
                ids[row]
                for row, number in zip(found.row.tolist(), found.number.tolist(), strict=True)
                if number in cut
            )
            progress.note(self._told)


def _lowest(values: Floats, row: Ints, rows: int) -> Floats:
    """The lowest value of each row; NaN where there is none or one of them is unknown."""
    out = np.full(rows, np.inf)
    with np.errstate(invalid="ignore"):  # NaN is told of by nothing else
        np.minimum.at(out, row, values)
    out[np.isposinf(out)] = np.nan
    return out
