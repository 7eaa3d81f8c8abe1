"""Sides: the texts, spans and links of a units table, read column by column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress, pairwise

import numpy as np
import pyarrow as pa

from xltpipe.projection.aligned import scored
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Bounds, Words

LINKS = pa.list_(
    pa.struct(
        [
            pa.field("text", pa.int16(), nullable=False),
            pa.field("source", pa.int32(), nullable=False),
            pa.field("target", pa.int32(), nullable=False),
            pa.field("score", pa.float64(), nullable=False),
        ]
    )
)
"""The links of a unit: number of the text, source word, target word, score in 0..1."""

Task = tuple[int, int]
"""Row, and number of the text."""


class Side:
    """One side of a units table: its texts as words, cut by the data or by our tokeniser."""

    def __init__(self, examples: pa.StructArray) -> None:
        texts, tokens = examples.field("texts"), examples.field("tokens")
        self.firsts: list[int] = texts.offsets.to_pylist()
        self._texts: list[str] = texts.values.to_pylist()
        self._tokens: list[int] = tokens.offsets.to_pylist()
        # plain lists, cut for one text at a time: records for all would keep the collector busy
        self._starts: list[int] = tokens.values.field("start").to_pylist()
        self._ends: list[int] = tokens.values.field("end").to_pylist()

    def words(self, row: int, text: int) -> Words | None:
        """None where the row has no such text."""
        place = self.firsts[row] + text
        if place >= self.firsts[row + 1]:
            return None
        if not text:
            given = slice(self._tokens[row], self._tokens[row + 1])
            if given.start < given.stop:
                bounds = tuple(zip(self._starts[given], self._ends[given], strict=True))
                return Words(self._texts[place], bounds)
        return tokenise(self._texts[place])


class Spans:
    """The source spans of a units table; `tasks` are the texts that have any."""

    def __init__(self, spans: pa.ListArray) -> None:
        self.offsets: list[int] = spans.offsets.to_pylist()
        self.labels = spans.values.field("label")
        self.texts: list[int] = spans.values.field("text").to_pylist()
        starts, ends = (spans.values.field(name).to_pylist() for name in ("start", "end"))
        self.bounds: list[Bounds] = list(zip(starts, ends, strict=True))

    def tasks(self) -> Iterator[tuple[Task, list[int]]]:
        """Each text with the places of its spans in the flat columns, by row and text."""
        for row, (first, last) in enumerate(pairwise(self.offsets)):
            if first == last:
                continue
            texts = self.texts[first:last]
            if not any(texts):
                yield (row, 0), list(range(first, last))
                continue
            for text in sorted(set(texts)):
                yield (row, text), [k for k in range(first, last) if self.texts[k] == text]


class LinkReader:
    """Links by row and text."""

    def __init__(self, links: pa.Array | pa.ChunkedArray) -> None:
        whole = joined(links)
        self._texts, *self._columns = [column.to_pylist() for column in whole.values.flatten()]
        self._offsets = whole.offsets.to_pylist()
        self._single = not any(self._texts)

    def of(self, row: int, text: int) -> Iterable[tuple[int, int, float]]:
        part = slice(self._offsets[row], self._offsets[row + 1])
        links = zip(*(column[part] for column in self._columns), strict=True)
        if self._single:
            return links if not text else ()
        return compress(links, [number == text for number in self._texts[part]])


def links_to_array(tasks: Sequence[Task], found: Sequence[Alignment], rows: int) -> pa.Array:
    """Alignments of (row, text), rows ascending, as one `LINKS` array of so many rows."""
    counts = np.zeros(rows + 1, np.int32)
    flat: list[tuple[int, int, int, float]] = []
    for (row, text), alignment in zip(tasks, found, strict=True):
        flat += [(text, i, j, score) for i, j, score in scored(alignment)]
        counts[row + 1] += len(alignment.links)
    columns = list(zip(*flat, strict=True)) or [()] * 4
    types = [LINKS.value_type.field(n) for n in range(LINKS.value_type.num_fields)]
    values = pa.StructArray.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, types, strict=True)], fields=types
    )
    return pa.ListArray.from_arrays(pa.array(np.cumsum(counts, dtype=np.int32)), values)


def fields(column: pa.ChunkedArray) -> pa.StructArray:
    """One struct array whose fields begin where it begins, however it was sliced."""
    whole = joined(column)
    return pa.StructArray.from_arrays(whole.flatten(), fields=list(whole.type))


def joined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column
