"""CoNLL files: a token a line, a blank line after each sentence (Tjong Kim Sang, 2002).

Also what grew out of it: comments, token numbers, further columns, and the `.iob2` files of
Universal NER (Mayhew et al., 2024).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from pydantic import field_validator

from xltpipe.datasets.checks import Located
from xltpipe.datasets.columns import DOCUMENT, Columns, find_columns
from xltpipe.datasets.files import FileSource, read_lines, stem_of
from xltpipe.datasets.raw import Join, place_tokens
from xltpipe.errors import DataError
from xltpipe.schemes import Scheme, first_fault, spans_from_tags
from xltpipe.types import Example

_SAMPLE = 200  # sentences from which the columns are found

Block = tuple[int, list[str]]
"""The number of a sentence's first line, from 1, and its lines."""


class _Tagged(FileSource):
    scheme: Scheme = "bio"
    encoding: str = "utf-8"
    strict: bool = False
    """Refuse invalid tags instead of repairing and counting them."""
    join: Join = "natural"

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            raise ValueError(f"encoding must be one Python knows, was: {encoding!r}") from error
        return encoding


class Conll(_Tagged):
    """Tokens and tags in columns, cut at tabs where the first row has one, else at spaces.

    `token` and `tag` are 0-based columns, negative from the last; unset, they are found from
    the first sentences (docs/formats.md).
    """

    kind: Literal["conll"] = "conll"
    token: int | None = None
    tag: int | None = None

    def reader(self, lang: str, path: Path) -> Located:
        return _reader(self, lang, path, self.token, self.tag)


class Iob2(_Tagged):
    """Universal NER: number, token, tag, and two columns more; ids and raw texts in comments."""

    kind: Literal["iob2"] = "iob2"

    def reader(self, lang: str, path: Path) -> Located:
        return _reader(self, lang, path, 1, 2)


def _reader(
    spec: _Tagged, lang: str, path: Path, token: int | None, tag: int | None
) -> ConllReader:
    return ConllReader(
        path,
        lang,
        token=token,
        tag=tag,
        scheme=spec.scheme,
        strict=spec.strict,
        encoding=spec.encoding,
        join=spec.join,
    )


class ConllReader:
    """Reads one file, a sentence at a time."""

    def __init__(
        self,
        path: Path,
        lang: str,
        *,
        token: int | None,
        tag: int | None,
        scheme: Scheme,
        strict: bool,
        encoding: str,
        join: Join,
    ) -> None:
        self.repairs = 0
        self._join: Join = join
        self._path, self._lang, self._encoding = path, lang, encoding
        self._token, self._tag = token, tag
        self._scheme, self._strict = scheme, strict
        self._stem = stem_of(path)
        self._line = 0

    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def __iter__(self) -> Iterator[Example]:
        self.repairs = number = 0
        blocks = _blocks(self._path, self._encoding)
        head = list(islice(blocks, _SAMPLE))
        columns = find_columns(
            [lines for _, lines in head], token=self._token, tag=self._tag, where=str(self._path)
        )
        for first, lines in chain(head, blocks):
            self._line = first
            example = self._sentence(lines, columns, number + 1)
            if example is not None:
                number += 1
                yield example

    def _sentence(self, lines: list[str], columns: Columns | None, number: int) -> Example | None:
        start, id, raw = self._comments(lines, columns)
        if start == len(lines) or columns is None:  # comments alone: a sentence if they name one
            return None if id is None else Example(id, self._lang, (raw or "",))
        rows = self._rows(lines, start, columns)
        tokens, tags = [row[columns.token] for row in rows], [row[columns.tag] for row in rows]
        text, bounds = place_tokens(tokens, raw, self._join)
        spans, repairs = spans_from_tags(tags, bounds, self._scheme)
        if repairs:
            self._repaired(tags, start, repairs)
        id = id or f"{self._stem}-{number}"
        return Example(id, self._lang, (text,), tuple(spans), None, tuple(bounds))

    def _comments(
        self, lines: Sequence[str], columns: Columns | None
    ) -> tuple[int, str | None, str | None]:
        """The index of the first row, the id and the raw text that the comments give."""
        id = raw = None
        for at, line in enumerate(lines):
            if line[0] == "#" and not (columns and columns.is_row(line)):
                name, equals, value = line[1:].partition("=")
                if equals and name.strip() == "sent_id":
                    id = value.strip()
                elif equals and name.strip() == "text":
                    raw = value.removeprefix(" ")
            elif not line.startswith(DOCUMENT):
                return at, id, raw
        return len(lines), id, raw

    def _rows(self, lines: Sequence[str], start: int, columns: Columns) -> list[list[str]]:
        separator, width, token = columns.separator, columns.width, columns.token
        rows = [line.split(separator) for line in (lines[start:] if start else lines)]
        for at, row in enumerate(rows, start):
            if len(row) == width and row[token]:
                continue
            again = rows[at - start] = columns.cut(lines[at])  # cells apart by several spaces
            if len(again) != width or not again[token]:
                raise self._malformed(lines[at], at, columns)
        return rows

    def _malformed(self, line: str, at: int, columns: Columns) -> DataError:
        where = f"({self._path}:{self._line + at})"
        if line.startswith("#"):
            return DataError(
                f"Comment must stand before the first token of its sentence, was: {line!r} {where}"
            )
        separator = "tabs" if columns.separator == "\t" else "spaces"
        return DataError(
            f"Line must have {columns.width} columns between {separator}, as most lines of this "
            f"file, and a token, was: {line!r} {where}"
        )

    def _repaired(self, tags: Sequence[str], start: int, repairs: int) -> None:
        self.repairs += repairs
        fault = first_fault(tags, self._scheme) if self._strict else None
        if fault is not None:
            at, text = fault
            raise DataError(f"{text} ({self._path}:{self._line + start + at})")


def _blocks(path: Path, encoding: str) -> Iterator[Block]:
    """The runs of lines between blank lines; a line of spaces or tabs counts as blank."""
    block: list[str] = []
    number = 1  # of the line at hand
    for lines in read_lines(path, encoding):
        for at, line in enumerate(lines, number):
            if line and (line[0] not in " \t" or line.strip(" \t")):
                block.append(line)
            elif block:
                yield at - len(block), block
                block = []
        number += len(lines)
    if block:
        yield number - len(block), block
