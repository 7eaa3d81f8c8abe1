"""Records: JSON Lines in the shapes that other programs write, one example a line.

What of a record is text goes into the example; all the rest is its `meta`, as it stood there, with
`{"$text": 0}` in place of the first text and so on. `filled` puts texts back: of another language,
in the very shape that was read.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field

from xltpipe.datasets.checks import Located
from xltpipe.datasets.files import FileSource, read_lines, stem_of
from xltpipe.errors import DataError
from xltpipe.json_text import Path as Place
from xltpipe.json_text import extents, loads, shown
from xltpipe.types import Example

_SLOT = re.compile(r'\{"\$text": (\d+)\}')

Record = Mapping[str, object]


class RecordSource(FileSource, ABC):
    """JSON objects, a line each, in UTF-8, in a shape of their own."""

    id: str = Field(default="id", min_length=1)
    """The field that holds the id; a record without it is numbered, `<file stem>-<n>` from 1."""

    def reader(self, lang: str, path: Path) -> Located:
        return RecordReader(self, lang, path)

    @abstractmethod
    def example(self, record: Record, line: str, id: str, lang: str) -> Example:
        """The example that a record describes.

        Raises:
            DataError: it does not fit; the text begins with the field's name.
        """


class RecordReader:
    """Reads one file, a line at a time; blank lines are skipped."""

    def __init__(self, spec: RecordSource, lang: str, path: Path) -> None:
        self.repairs = 0  # nothing is repaired here: a wrong row is an error
        self._spec, self._lang, self._path = spec, lang, path
        self._stem = stem_of(path)
        self._line = 0

    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def __iter__(self) -> Iterator[Example]:
        self._line = number = 0
        for lines in read_lines(self._path, "utf-8"):
            for line in lines:
                self._line += 1
                if line.strip():
                    number += 1
                    yield self._example(line, number)

    def _example(self, line: str, number: int) -> Example:
        try:
            record = _object(loads(line))
            id = _id(record.get(self._spec.id), self._spec.id) or f"{self._stem}-{number}"
            return self._spec.example(record, line, id, self._lang)
        except json.JSONDecodeError as error:
            raise DataError(
                f"Line must be a JSON object, was: {error.msg} at column {error.colno} "
                f"({self.place()})"
            ) from error
        except DataError as error:
            raise DataError(f"{error} ({self.place()})") from error


def _object(value: object) -> Record:
    if isinstance(value, dict):
        return value
    raise DataError(f"Line must be a JSON object, was: {shown(value)}")


def _id(value: object, name: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    raise DataError(f"{name} must be a string or an integer, was: {shown(value)}")


def text_at(record: Record, name: str) -> str:
    """The text in a field.

    Raises:
        DataError: there is none.
    """
    value = record.get(name)
    if not isinstance(value, str):
        was = shown(value) if name in record else f"missing; the fields are {named(record)}"
        raise DataError(f"{name} must be a string, was: {was}")
    return value


def items_at(record: Record, name: str) -> list[object]:
    """The array in a field.

    Raises:
        DataError: there is none.
    """
    value = record.get(name)
    if not isinstance(value, list):
        was = shown(value) if name in record else f"missing; the fields are {named(record)}"
        raise DataError(f"{name} must be an array, was: {was}")
    return value


def named(record: Record) -> str:
    """The names of a record's fields, for messages."""
    return ", ".join(map(shown, list(record)[:12])) or "none"


def emptied(line: str, places: Sequence[Place]) -> str:
    """The record without the texts at these places, for `meta`; all else as it stands.

    Raises:
        DataError: the record holds already what would stand for a text.
    """
    taken = _SLOT.search(line)
    if taken:
        raise DataError(
            f"Record must not hold {taken.group()}, which stands for a text once the record is "
            "read; rename that field"
        )
    wanted, deep = set(places), max(map(len, places), default=0)
    where = {path: (start, end) for path, start, end in extents(line, deep) if path in wanted}
    pieces: list[str] = []
    cuts = sorted((*where[place], number) for number, place in enumerate(places))
    done = 0
    for start, end, number in cuts:
        pieces += [line[done:start], f'{{"$text": {number}}}']
        done = end
    return "".join([*pieces, line[done:]]).strip()


def without(line: str, names: Collection[str]) -> str:
    """The record without these fields; all else as it stands, but white space between fields."""
    kept: list[str] = []
    done = line.index("{") + 1
    for path, _, end in extents(line, 1):
        if path and path[0] not in names:
            kept.append(line[done:end].lstrip(", \t\r\n"))
        done = end if path else done
    return "{" + ", ".join(kept) + "}"


def filled(example: Example) -> str:
    """The record that an example was read from, with the example's texts in it.

    Raises:
        DataError: it was not read from such a record.
    """
    meta = example.meta or ""
    numbers = sorted({int(found) for found in _SLOT.findall(meta)})
    if not numbers or numbers != list(range(len(example.texts))):
        raise DataError(
            "Example must have been read by instructions or choice to be written as it was read, "
            f"was: meta with places for {len(numbers)} of {len(example.texts)} texts "
            f"(id {example.id!r}); choose another format, such as jsonl"
        )

    def text(found: re.Match[str]) -> str:
        return json.dumps(example.texts[int(found.group(1))], ensure_ascii=False)

    return _SLOT.sub(text, meta)
