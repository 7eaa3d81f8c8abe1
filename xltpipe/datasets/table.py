"""Tables: rows of columns, tabs or commas between them; texts, a label, an id, the rest is meta."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from xltpipe.datasets.checks import Located
from xltpipe.datasets.files import FileSource, read_lines, stem_of
from xltpipe.errors import DataError
from xltpipe.types import Example

Column = str | int
"""A column by its name in the header, or by its number from 0, negative from the last."""

Row = tuple[int, list[str]]
"""The number of its first line, from 1, and its cells."""


class Table(FileSource):
    """Rows of a TSV or CSV file in UTF-8: `texts` and, where named, `label` and `id`.

    All further columns go into `meta`, as an object of strings, by the names of the header or
    else by their numbers. Rows without an id are numbered, `<file stem>-<n>` from 1.
    """

    kind: Literal["table"] = "table"
    texts: tuple[Column, ...] = Field(min_length=1)
    label: Column | None = None
    """An empty cell says that the row has no label."""
    id: Column | None = None
    label_names: dict[str, str] = Field(default={})
    """The label that each value of the column stands for, such as `{"0" = "entailment"}`."""
    header: bool = True
    """The first line names the columns."""
    separator: str = Field(default="\t", min_length=1, max_length=1)
    quoting: bool | None = None
    """Cells may stand in double quotes, with separators and line breaks inside. Unset: everywhere
    but between tabs, where a quote is a quote."""
    where: dict[str, str] = Field(default={})
    """Read only rows whose columns, by name or number, hold these values."""

    @model_validator(mode="after")
    def _possible(self) -> Table:
        if self.separator in '"\r\n':
            raise ValueError(f"separator must be no quote or line break, was: {self.separator!r}")
        by_name = [c for c in (*self.texts, self.label, self.id) if isinstance(c, str)]
        if by_name and not self.header:
            raise ValueError(
                f"columns must be numbers (from 0) where there is no header, was: {by_name[0]!r}"
            )
        return self

    def reader(self, lang: str, path: Path) -> Located:
        return TableReader(self, lang, path)

    @property
    def quoted(self) -> bool:
        return self.separator != "\t" if self.quoting is None else self.quoting


class TableReader:
    """Reads one file, a row at a time; empty lines are skipped."""

    def __init__(self, spec: Table, lang: str, path: Path) -> None:
        self.repairs = 0  # nothing is repaired here: a wrong row is an error
        self._spec, self._lang, self._path = spec, lang, path
        self._line = 0

    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def __iter__(self) -> Iterator[Example]:
        self._line = 0
        rows = self._rows()
        first = next(rows, None)
        if first is None:
            return
        self._line = first[0]
        names = first[1] if self._spec.header else [str(k) for k in range(len(first[1]))]
        columns = _Columns(self._spec, names, self.place())
        stem = stem_of(self._path)
        for number, (line, cells) in enumerate(rows if self._spec.header else chain([first], rows)):
            self._line = line
            if len(cells) != len(names):
                raise DataError(
                    f"Row must have {len(names)} columns, as the first one has, was: {len(cells)} "
                    f"({self.place()}); set separator and quoting on the source as the file has "
                    "them, or mend the row"
                )
            if all(cells[k] == value for k, value in columns.where):
                yield self._example(cells, columns, f"{stem}-{number + 1}")

    def _example(self, cells: Sequence[str], columns: _Columns, number: str) -> Example:
        label = None if columns.label is None else cells[columns.label] or None
        names = self._spec.label_names
        if label is not None and names:
            if label not in names:
                raise DataError(
                    f"Label must be one of label_names, {', '.join(names)}, was: {label!r} "
                    f"({self.place()})"
                )
            label = names[label]
        rest = {name: cells[k] for k, name in columns.rest}
        return Example(
            number if columns.id is None else cells[columns.id],
            self._lang,
            tuple(cells[k] for k in columns.texts),
            label=label,
            meta=json.dumps(rest, ensure_ascii=False) if rest else None,
        )

    def _rows(self) -> Iterator[Row]:
        lines = chain.from_iterable(read_lines(self._path, "utf-8"))
        if not self._spec.quoted:
            for number, line in enumerate(lines, 1):
                if line:
                    yield number, line.split(self._spec.separator)
            return
        # a line break inside quotes is part of its cell: the reader needs to see it
        reader = csv.reader(
            (f"{line}\n" for line in lines), delimiter=self._spec.separator, strict=True
        )
        done = 0
        try:
            for cells in reader:
                if cells:
                    yield done + 1, cells
                done = reader.line_num
        except csv.Error as error:
            raise DataError(
                f"Row must be well quoted, was: {error} ({self._path}:{done + 1}); set quoting = "
                "false if quotes are just characters in this file"
            ) from error


class _Columns:
    """Where in a row each thing stands."""

    def __init__(self, spec: Table, names: Sequence[str], place: str) -> None:
        self._names, self._place = names, place
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(
                f"Columns must have different names, was: {twice!r} twice ({place}); if the file "
                "has no header, set header = false and give numbers of columns"
            )
        self.texts = [self._of(column) for column in spec.texts]
        self.label = None if spec.label is None else self._of(spec.label)
        self.id = None if spec.id is None else self._of(spec.id)
        self.where = [(self._of(name), value) for name, value in spec.where.items()]
        used = {*self.texts, self.label, self.id}
        self.rest = [(k, name) for k, name in enumerate(names) if k not in used]

    def _of(self, column: Column) -> int:
        count = len(self._names)
        if isinstance(column, str) and column in self._names:
            return self._names.index(column)
        if isinstance(column, int) and -count <= column < count:
            return column % count
        listed = ", ".join(name[:40] for name in self._names[:20])
        raise DataError(
            f"Column must be one of {listed} ({count}), was: {column!r} ({self._place}); name the "
            "columns on the source as the header has them, or number them from 0"
        )
