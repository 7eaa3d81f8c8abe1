"""Numerals: numbers that both sides must have in common."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from xltpipe.languages import resolve
from xltpipe.quality import signs
from xltpipe.quality.batch import Batch
from xltpipe.quality.column import Column, Floats, Limits
from xltpipe.quality.keys import Ints, Keys
from xltpipe.quality.side import Side

GROUPED = ".,'’٬٫\u00a0\u202f\u2009 "
"""What stands before a group of three digits in one number."""


_CONVERTED = re.compile(
    r"\b(?:miles?|mph|inch(?:es)?|foot|feet|ft|yards?|pounds?|lbs?|ounces?|gallons?|acres?"
    r"|degrees?|fahrenheit|millas?|pulgadas?|pies|libras?)\b|[°º]\s?f\b"
)
"""Measures that translators turn into others, and the number with them."""


class Numbers:
    """Agreement of the numbers of both sides, |∩| / |∪|; NaN where neither has one.

    Digits of any script are read, and a number ends at every separator: 3.14 and 3,14 agree, and
    so do 12/05/2020, 05.12.2020 and 2020-05-12. Groups of three digits are one number, so that
    1,234 and 1 234 and 1234 agree.

    Translators also write numbers out ("three", 三百); what never is right is another number in
    the place of one. `other_numbers` counts these pairs, and has no say where a side has
    measures that are converted (miles, degrees).
    """

    columns = (
        Column(
            "numbers",
            "number_changed",
            "share",
            "Numbers that stand on both sides, of those on either side.",
            "OpusFilter NonZeroNumerals, OpusCleaner num_mismatch",
            high=1.0,
            usual=Limits(min=0.5),
        ),
        Column(
            "other_numbers",
            "other_number",
            "share",
            "Numbers that stand on one side where the other has another one, of the larger side's.",
            "ours",
            high=1.0,
            limits=Limits(max=0.4),
        ),
    )

    def score(self, batch: Batch) -> list[Floats]:
        source, target = _numbers(batch.source), _numbers(batch.target)
        ours, theirs = (_sums(numbers, batch.rows) for numbers in (source, target))
        some = np.zeros(batch.rows, np.bool_)
        some[source.row], some[target.row] = True, True
        agreement, others = np.where(some, 1.0, nan), np.where(some, 0.0, nan)
        differing = np.flatnonzero(ours != theirs)
        if len(differing):
            pairs = zip(source.of(differing), target.of(differing), strict=True)
            hours, least = _hours(batch), _least(batch)
            for row, (given, found) in zip(differing.tolist(), pairs, strict=True):
                agreement[row], others[row] = _compared(given, found, hours, least)
                if others[row] and _converted(batch, row):
                    others[row] = nan
        return [agreement, others]


SUNRISE = frozenset({"swa", "amh", "tir", "orm", "som"})
"""Languages whose hours are counted from sunrise."""

MYRIADS = frozenset({"zho", "yue", "wuu", "jpn", "kor"})
"""Languages that count in ten thousands."""


def _converted(batch: Batch, row: int) -> bool:
    sides = (batch.source, batch.target)
    return any(_CONVERTED.search(signs.joined(side, row).lower()) for side in sides)


class _Numbers(NamedTuple):
    """The numbers of one side: their rows, ascending, and values (modulo 2^64)."""

    row: Ints
    value: Keys

    def of(self, rows: Ints) -> list[list[int]]:
        """The numbers of each of these rows."""
        edges = zip(*(np.searchsorted(self.row, rows + k).tolist() for k in (0, 1)), strict=True)
        return [self.value[first:last].tolist() for first, last in edges]


def _compared(
    ours: list[int], theirs: list[int], hours: Sequence[int], least: int
) -> tuple[float, float]:
    """Agreement, and share of numbers that the other side has another one for."""
    differences = Counter(ours)
    differences.subtract(theirs)
    missing = sum(count for count in differences.values() if count > 0)
    added = len(theirs) - len(ours) + missing
    agreement = (len(ours) - missing) / (len(ours) + added)
    if missing and added:
        settled = _settled(*_joined(+differences, -differences, ours, theirs, least), hours)
        missing, added = (c.total() for c in settled)
    return agreement, min(missing, added) / max(len(ours), len(theirs))


def _hours(batch: Batch) -> tuple[int, ...]:
    """What an hour may be shifted by: 3 p.m. is 15:00, and 9 where days begin at sunrise."""
    langs = {resolve(side.lang).id for side in (batch.source, batch.target) if side.lang}
    return (12, 6) if langs & SUNRISE else (12,)


def _least(batch: Batch) -> int:
    """From what on a number may be another's with a point; 1.5 billion is 15億."""
    langs = {resolve(side.lang).id for side in (batch.source, batch.target) if side.lang}
    return 10 if langs & MYRIADS else 1000


def _settled(
    missing: Counter[int], added: Counter[int], hours: Sequence[int]
) -> tuple[Counter[int], Counter[int]]:
    """Both without what is one number in two ways of writing; spelt-out ones stay on one side."""
    for one, other in ((missing, added), (added, missing)):
        for number in list(one):
            for alike in _alike(number, hours):
                if one[number] and other[alike]:
                    one[number] = other[alike] = 0
    one, other = (Counter(_stripped(n) for n in numbers.elements()) for numbers in (missing, added))
    return one - other, other - one


def _joined(
    missing: Counter[int],
    added: Counter[int],
    ours: Sequence[int],
    theirs: Sequence[int],
    least: int,
) -> tuple[Counter[int], Counter[int]]:
    """Both without 1,200,000 where the other has 1.2 (million), two numbers in a row."""
    for one, other, order in ((missing, added, theirs), (added, missing, ours)):
        whole = {_stripped(number): number for number in one if number >= least}
        for first, second in pairwise(order):
            number = whole.get(_stripped(int(f"{first}{second}")))
            if number and one[number] and other[first] and other[second]:
                one[number] -= 1
                other[first] -= 1
                other[second] -= 1
    return +missing, +added


def _alike(number: int, hours: Sequence[int]) -> list[int]:
    """The same hour on other clocks, years without their century."""
    if number <= 12:
        return [number + shift for shift in hours]
    return [number % 100] if 1000 <= number < 2100 else []


def _stripped(number: int) -> int:
    """A number without the zeros at its end: 230 000 is 23 in ten thousands (万)."""
    digits = str(number).rstrip("0")
    return int(digits) if digits else 0


def _sums(numbers: _Numbers, rows: int) -> Keys:
    """One key for all numbers of each row, whatever their order."""
    out = np.zeros(rows, np.uint64)
    with np.errstate(over="ignore"):
        mixed = (numbers.value + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        np.add.at(out, numbers.row, mixed ^ (mixed >> np.uint64(27)))
    return out


def _numbers(side: Side) -> _Numbers:
    at = side.digits
    if not len(at):
        return _Numbers(at, at.astype(np.uint64))
    starts = np.flatnonzero(np.diff(at, prepend=-2) != 1)
    sizes = np.diff(starts, append=len(at))
    first = starts[~_continues(side, at, starts, sizes)]
    # what place each digit has in its number, from the right
    ends = np.append(first[1:], len(at))
    place = np.repeat(ends, np.diff(first, append=len(at))) - np.arange(len(at)) - 1
    with np.errstate(over="ignore"):
        tens = _TENS.take(np.minimum(place, len(_TENS) - 1))
        value: Keys = np.add.reduceat(_values().take(side.codes[at].astype(np.int64)) * tens, first)
    return _Numbers(side.row_of[side.texts_at(at[first])], value)


def _continues(side: Side, at: Ints, starts: Ints, sizes: Ints) -> NDArray[np.bool_]:
    """Which runs of digits are a further group of three in the number before."""
    begin, end = at[starts], at[starts] + sizes
    out: NDArray[np.bool_] = (sizes == 3) & (begin > 1)
    if not out.any():
        return out
    between = np.zeros(len(out), np.bool_)
    between[1:] = begin[1:] == end[:-1] + 1
    separator = side.codes[begin - 1]
    known = _GROUPED.take(separator.astype(np.int64)) > 0
    out &= between & known
    # 2010 300 are two numbers: only up to three digits can stand before a group
    before = np.concatenate([[0], sizes[:-1]])
    out &= before <= 3
    return out


_TENS = np.array([pow(10, k, 1 << 64) for k in range(65)] + [0], np.uint64)
"""Powers of ten modulo 2^64; from the 64th on they are 0."""
_GROUPED = np.zeros(0x110000, np.int8)
_GROUPED[[ord(c) for c in GROUPED]] = 1


@cache
def _values() -> Keys:
    """The value of every decimal digit of any script (all lie below 0x20000)."""
    table = np.zeros(0x20000, np.uint64)
    for code in range(0x20000):
        table[code] = unicodedata.decimal(chr(code), 0)
    return table


SCORERS = (Numbers(),)
