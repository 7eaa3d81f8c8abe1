"""Side: the source or target texts of a batch as columns of characters, words and spans."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xltpipe.errors import DataError
from xltpipe.quality.characters import (
    ALNUM,
    ALONE,
    DIGIT,
    LETTER,
    MARK,
    NARROW,
    SPACE,
    WIDE,
    Codes,
    Flags,
    flags_of,
    lower_of,
)
from xltpipe.quality.column import Floats, Mask
from xltpipe.quality.covered import Covered
from xltpipe.quality.keys import Ints, Keys, keys_of


@dataclass(frozen=True, slots=True)
class Words:
    """Runs of letters, marks and digits; a character of an unspaced script is a word by itself.

    `start` and `end` are places in `Side.codes`, `row` and `text` say where the word stands,
    `key` is a hash of its lower-cased characters (equal words have equal keys) and `plain` says
    that no character of it lies in a span.
    """

    start: Ints
    end: Ints
    row: Ints
    text: Ints
    key: Keys
    plain: Mask
    first: NDArray[np.uint16]
    """Flags of the first character."""


@dataclass(frozen=True, slots=True)
class Spans:
    """All spans of one side, row by row: places in `Side.codes`, and the label's number."""

    row: Ints
    text: Ints
    start: Ints
    end: Ints
    label: Ints
    labels: list[str]
    """The names: `labels[label[k]]`."""
    first: Ints
    """The first span of each row, then the number of all: row r has first[r]:first[r+1]."""


class Side:
    """The source or the target texts of a batch, one after the other as code points.

    A line feed follows every text, so that nothing runs over from one to the next and no text is
    empty. `texts` counts all texts of the batch: row r has first[r]:first[r+1].
    """

    def __init__(self, examples: pa.StructArray) -> None:
        lists = examples.field("texts")
        self.rows = len(examples)
        self.first: Ints = offsets(lists)
        values = lists.flatten()
        if values.null_count:
            row = int(self.row_of[np.flatnonzero(values.is_null())[0]])
            example = examples.field("id")[row].as_py()
            raise DataError(f"Text must not be null, was: null in example {example!r}")
        self.values: pa.StringArray = values
        joined = "\n".join([*values.to_pylist(), ""])
        self.codes: Codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
        sizes = pc.utf8_length(values).to_numpy(zero_copy_only=False).astype(np.int64)
        edges = np.concatenate([[0], np.cumsum(sizes + 1)]).astype(np.int64)
        self.start: Ints = edges[:-1]
        self.end: Ints = edges[1:] - 1
        self._examples = examples

    @property
    def texts(self) -> int:
        return len(self.start)

    @cached_property
    def row_of(self) -> Ints:
        """The row of each text."""
        return np.repeat(np.arange(self.rows), np.diff(self.first))

    @cached_property
    def lang(self) -> str:
        """The language of all rows ("" if there are none).

        Raises:
            DataError: they are in several.
        """
        found = pc.unique(self._examples.field("lang")).to_pylist()
        if len(found) > 1:
            raise DataError(f"Rows of a batch must be in one language, was: {', '.join(found)}")
        return str(found[0]) if found else ""

    @cached_property
    def flags(self) -> Flags:
        """What each code point is, see `characters`."""
        return flags_of(self.codes)

    @cached_property
    def visible(self) -> Ints:
        """Characters of each text that are no white space."""
        words = self.words
        sizes = np.bincount(words.text, words.end - words.start, self.texts).astype(np.int64)
        return sizes + np.bincount(self.texts_at(self.signs), minlength=self.texts)

    @cached_property
    def lower(self) -> Codes:
        return lower_of(self.codes)

    @cached_property
    def text_of(self) -> Ints:
        """The text of each code point, its line feed included."""
        return np.repeat(np.arange(self.texts), self.end - self.start + 1)

    def texts_at(self, places: Ints) -> Ints:
        """The text of each of these code points, which ascend."""
        first = np.searchsorted(places, self.start)
        return np.repeat(np.arange(self.texts), np.diff(first, append=len(places)))

    @cached_property
    def inside(self) -> Mask:
        """Which code points lie in a span."""
        if not len(self.spans.row):
            return np.zeros(len(self.codes), np.bool_)
        edges = np.zeros(len(self.codes), np.int32)
        np.add.at(edges, self.spans.start, 1)
        np.add.at(edges, self.spans.end, -1)
        return np.cumsum(edges, out=edges) > 0

    @cached_property
    def content(self) -> Mask:
        """Which code points are text: all but the line feed behind each."""
        out = np.ones(len(self.codes), np.bool_)
        out[self.end] = False
        return out

    @cached_property
    def columns(self) -> Ints:
        """Columns that each text fills on a terminal: wide characters 2, marks on letters 0."""
        size = self.end - self.start
        odd = np.flatnonzero(self.flags & (WIDE | NARROW))
        if not len(odd):
            return size
        more = np.where((self.flags[odd] & WIDE) > 0, 1.0, -1.0)
        return size + np.bincount(self.texts_at(odd), more, self.texts).astype(np.int64)

    def per_text(self, values: NDArray[np.generic]) -> Ints:
        """The sum over each text of one value per code point (a mask counts)."""
        if not self.texts:
            return np.zeros(0, np.int64)
        sums: Ints = np.add.reduceat(values, self.start, dtype=np.int64)
        return sums

    def per_row(self, values: NDArray[np.generic]) -> Ints:
        """The sum over each row's texts of one value per text."""
        edges = np.concatenate([[0], np.cumsum(values, dtype=np.int64)])
        sums: Ints = edges[self.first[1:]] - edges[self.first[:-1]]
        return sums

    def count(self, values: NDArray[np.generic]) -> Ints:
        """The sum over each row of one value per code point."""
        return self.per_row(self.per_text(values))

    def over(self, combine: np.ufunc, values: NDArray[np.generic], empty: float) -> Floats:
        """One value per row from one per text, such as the smallest; `empty` where none is."""
        sizes = np.diff(self.first)
        if self.texts == self.rows and (sizes == 1).all():
            return np.asarray(values, np.float64)
        out = np.full(self.rows, empty)
        some = sizes > 0
        if some.any():
            out[some] = combine.reduceat(np.asarray(values, np.float64), self.first[:-1][some])
        return out

    @cached_property
    def signs(self) -> Ints:
        """Places of all characters that are no letter, mark, digit or white space."""
        return np.flatnonzero((self.flags & (ALNUM | MARK | SPACE)) == 0)

    @cached_property
    def words(self) -> Words:
        flags = self.flags
        start, end = self._bounds()
        if not len(start):
            none, no = np.zeros(0, np.int64), np.zeros(0, np.bool_)
            return Words(none, none, none, none, none.astype(np.uint64), no, flags[:0])
        text = self.texts_at(start)
        plain = np.ones(len(start), np.bool_)
        if len(self.spans.row):
            inside = np.concatenate([[0], np.cumsum(self.inside, dtype=np.int32)])
            plain = inside[end] == inside[start]
        keys = keys_of(self.codes, start, end)
        return Words(start, end, self.row_of[text], text, keys, plain, flags[start])

    def _bounds(self) -> tuple[Ints, Ints]:
        """Where words start and end."""
        flags = self.flags
        word = (flags & (ALNUM | MARK)) != 0
        still = (flags & ALONE) != 0
        if not still.any():  # words are the runs; the line feed at the end is none
            edges = np.flatnonzero(word[1:] != word[:-1]) + 1
            if len(word) and word[0]:
                edges = np.concatenate([[0], edges])
            return edges[::2], edges[1::2]
        alone = word & still & ((flags & LETTER) != 0)
        # a word starts where none was, at a character that is a word by itself, and behind it
        before = np.concatenate([[False], word[:-1]])
        starts = word & (~before | alone | (np.concatenate([[False], still[:-1]]) & ~still))
        # a word ends before the next start and before what is no part of a word
        last = np.concatenate([~word[1:] | starts[1:], [True]])
        return np.flatnonzero(starts), np.flatnonzero(word & last) + 1

    @cached_property
    def words_per_text(self) -> Ints:
        return np.bincount(self.words.text, minlength=self.texts)

    @cached_property
    def spans(self) -> Spans:
        lists = self._examples.field("spans")
        first = offsets(lists)
        if not first[-1]:
            none = np.zeros(0, np.int64)
            return Spans(none, none, none, none, none, [], first)
        flat = lists.flatten()
        row = np.repeat(np.arange(self.rows), np.diff(first))
        text = self.first[row] + flat.field("text").to_numpy(zero_copy_only=False)
        names = flat.field("label").dictionary_encode()
        base = self.start[text] if len(text) else text
        return Spans(
            row,
            text,
            base + flat.field("start").to_numpy(zero_copy_only=False),
            base + flat.field("end").to_numpy(zero_copy_only=False),
            names.indices.to_numpy(zero_copy_only=False).astype(np.int64),
            names.dictionary.to_pylist(),
            first,
        )

    @cached_property
    def covered(self) -> Covered:
        """The characters under the spans."""
        return Covered(self.flags, self.spans.start, self.spans.end)

    @cached_property
    def digits(self) -> Ints:
        """Places of all decimal digits."""
        return np.flatnonzero((self.flags & DIGIT) > 0)

    def string(self, text: int) -> str:
        """One text."""
        return str(self.values[text].as_py())

    def cut(self, start: int, end: int) -> str:
        """The characters between two places in `codes`."""
        return self.codes[start:end].tobytes().decode("utf-32-le", "surrogatepass")

    @cached_property
    def strings(self) -> list[str]:
        """All texts; for scorers that look at every one anyway."""
        return list(self.values.to_pylist())

    @cached_property
    def plain(self) -> list[str]:
        """All texts as they are compared."""
        return [plain(text) for text in self.strings]


def plain(text: str) -> str:
    """A text as it is compared: composed, and with single spaces."""
    composed = text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(composed.split())


def offsets(lists: pa.ListArray) -> Ints:
    """Where each row's items start in `lists.flatten()`, and their number at the end."""
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
