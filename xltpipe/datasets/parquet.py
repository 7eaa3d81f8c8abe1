"""Parquet in xltpipe's own schema (`tables.EXAMPLES`), read a batch of rows at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from xltpipe.datasets.checks import Located
from xltpipe.datasets.files import FileSource
from xltpipe.errors import DataError, XltError
from xltpipe.json_text import loads
from xltpipe.tables import EXAMPLES, OPTIONAL, table_to_examples
from xltpipe.types import Example

_ROWS = 4096  # a batch of sentences is then some MB, whatever the row groups of the file

_NULLS = ("label", "meta")
"""Columns in which a null says that there is none."""

_WRONG = (pa.ArrowException, XltError, ValueError)


class Parquet(FileSource):
    """Examples as rows of EXAMPLES; further columns are left aside."""

    kind: Literal["parquet"] = "parquet"

    def reader(self, lang: str, path: Path) -> Located:
        return ParquetReader(path, lang)


class ParquetReader:
    """Reads one file; rows count from 1."""

    def __init__(self, path: Path, lang: str) -> None:
        self.repairs = 0
        self._path, self._lang, self._row = path, lang, 0

    def place(self) -> str:
        return f"{self._path}, row {self._row}"

    def __iter__(self) -> Iterator[Example]:
        self._row = 0
        try:
            with pq.ParquetFile(self._path) as file:
                _check_columns(file.schema_arrow, self._path)
                names = [n for n in EXAMPLES.names if n in file.schema_arrow.names]
                for batch in file.iter_batches(_ROWS, columns=names):
                    for example in self._examples(batch):
                        self._row += 1
                        yield example
        # OSError: a page is cut or of another size; UnicodeDecodeError: a column's name is damaged
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"File must be whole and Parquet, was: {error} ({self._path})"
            ) from error

    def _examples(self, batch: pa.RecordBatch) -> list[Example]:
        try:
            return _convert(batch)
        except _WRONG:
            for at in range(batch.num_rows):  # row by row now, to say which one it is
                # take, not slice: a slice keeps the other rows' spans, and errors with them
                self._convert_row(batch.take(pa.array([at])), self._row + at + 1)
            raise

    def _convert_row(self, row: pa.RecordBatch, number: int) -> None:
        try:
            _convert(row)
        except _WRONG as error:
            raise DataError(
                f"Row must fit the schema EXAMPLES, was: {error} ({self._path}, row {number})"
            ) from error


def _convert(batch: pa.RecordBatch) -> list[Example]:
    table = pa.Table.from_batches([batch])
    for name in OPTIONAL:
        if name not in table.column_names:
            kind = EXAMPLES.field(name).type
            nothing: list[int] | None = None if name in _NULLS else []
            table = table.append_column(name, pa.array([nothing] * table.num_rows, kind))
    table = table.select(EXAMPLES.names).cast(_NULLABLE)
    table.validate(full=True)  # text that is not UTF-8, offsets that point nowhere
    for name in EXAMPLES.names:
        if name not in _NULLS and _nulls(table.column(name).combine_chunks()):
            raise DataError(f"Column {name} must hold no null, was: null")
    examples = table_to_examples(table.select(EXAMPLES.names).cast(EXAMPLES))
    for example in examples:
        _check_numbers(example)
    return examples


def _check_numbers(example: Example) -> None:
    """What no schema tells: numbers of texts, and that meta is what it must be."""
    for name, numbers in (("masked", example.masked), ("verbatim", example.verbatim)):
        if not all(0 <= number < len(example.texts) for number in numbers):
            raise DataError(
                f"{name} must list numbers of texts (0..{len(example.texts) - 1}), was: {numbers}"
            )
    if example.meta is not None and not isinstance(_value(example.meta), dict):
        raise DataError(f"meta must be a JSON object, was: {example.meta[:80]!r}")


def _value(text: str) -> object:
    try:
        return loads(text)
    except json.JSONDecodeError:
        return None


def _nulls(array: pa.Array) -> bool:
    """Whether a null lies in the array, at any depth."""
    if isinstance(array, pa.ListArray):
        return bool(array.null_count) or _nulls(array.flatten())
    if isinstance(array, pa.StructArray):
        return bool(array.null_count) or any(map(_nulls, array.flatten()))
    return bool(array.null_count)


def _open(field: pa.Field) -> pa.Field:
    """The field with nulls allowed at any depth."""
    kind = field.type
    if pa.types.is_list(kind):
        kind = pa.list_(_open(kind.value_field))
    elif pa.types.is_struct(kind):
        kind = pa.struct([_open(kind.field(at)) for at in range(kind.num_fields)])
    return pa.field(field.name, kind)


# Files from elsewhere allow nulls where EXAMPLES does not: cast first, then look for nulls,
# so that the message names the column.
_NULLABLE = pa.schema([_open(field) for field in EXAMPLES])


def _check_columns(schema: pa.Schema, path: Path) -> None:
    needed = [name for name in EXAMPLES.names if name not in OPTIONAL]
    missing = [name for name in needed if name not in schema.names]
    if missing:
        raise DataError(
            f"File must have the columns {', '.join(needed)}, was without "
            f'{", ".join(missing)} ({path}); read other Parquet with kind = "hub", '
            'name = "parquet"'
        )
