"""Columns: which of a CoNLL file's hold token and tag; found from its first sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from xltpipe.errors import DataError
from xltpipe.schemes import is_tag

_SPACES = re.compile(" +")
_FIELD = re.compile(r"#\s*\S+ =(\s|$)")  # "# text = ...": a CoNLL-U comment with a value
DOCUMENT = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class Columns:
    """How a line is cut: separator, number of columns, and which two are of interest."""

    separator: str
    width: int
    token: int
    tag: int

    def cut(self, line: str) -> list[str]:
        """The cells of a line; runs of spaces separate like one, tabs do not."""
        cells = line.split(self.separator)
        if len(cells) == self.width or self.separator == "\t":
            return cells
        return _SPACES.split(line.strip(" "))

    def is_row(self, line: str) -> bool:
        """Whether a line that begins with `#` is a token all the same (`# O`), not a comment."""
        if _FIELD.match(line):
            return False
        cells = self.cut(line)
        return len(cells) == self.width and is_tag(cells[self.tag])


def find_columns(
    sentences: Sequence[Sequence[str]],
    *,
    token: int | None,
    tag: int | None,
    where: str,
) -> Columns | None:
    """The columns of a file from the lines of its first sentences; None where there are no rows.

    Unless given, `tag` is the last column that holds tags, and `token` is the first one, or
    the second where the first numbers the tokens. Negative columns count from the last.

    Raises:
        DataError: no column holds tags, or a given column does not exist.
    """
    rows = [[line for line in lines if _plain(line)] for lines in sentences]
    if not any(rows):  # perhaps all tokens begin with `#`
        rows = [[line for line in lines if _tagged(line)] for lines in sentences]
    first = next((line for lines in rows for line in lines), None)
    if first is None:
        return None
    separator = "\t" if "\t" in first else " "
    cells = [[_cut(line, separator) for line in lines] for lines in rows]
    width = Counter(len(row) for lines in cells for row in lines).most_common(1)[0][0]
    cells = [[row for row in lines if len(row) == width] for lines in cells]
    tag = _tag_column(cells, width, where) if tag is None else tag
    if token is None:
        token = 1 if width > 2 and _counts(cells) else 0
    for name, column in (("token", token), ("tag", tag)):
        if not -width <= column < width:
            raise DataError(
                f"Column {name} must be one of the file's {width}, was: {column} ({where})"
            )
    return Columns(separator, width, token % width, tag % width)


def _plain(line: str) -> bool:
    return not line.startswith(("#", DOCUMENT))


def _tagged(line: str) -> bool:
    """Whether a line that begins with `#` has a tag behind it, in a file without other rows."""
    cells = _cut(line, "\t" if "\t" in line else " ")
    return not _FIELD.match(line) and any(map(is_tag, cells[1:]))


def _cut(line: str, separator: str) -> list[str]:
    return line.split("\t") if separator == "\t" else _SPACES.split(line.strip(" "))


def _tag_column(cells: Sequence[Sequence[Sequence[str]]], width: int, where: str) -> int:
    total = sum(len(lines) for lines in cells)
    for column in range(width - 1, 0, -1):
        tags = sum(is_tag(row[column]) for lines in cells for row in lines)
        if tags >= 0.9 * total:  # a few malformed tags are repaired later, not mistaken here
            return column
    raise DataError(
        f"File must have a column of tags such as O and B-PER, was: {width} columns without "
        f"({where}); set tag (0-based, -1 is the last) on the source"
    )


def _counts(cells: Sequence[Sequence[Sequence[str]]]) -> bool:
    """Whether the first column numbers the tokens of each sentence from 0 or from 1."""
    firsts = [[row[0] for row in lines] for lines in cells if lines]
    return any(len(numbers) > 1 for numbers in firsts) and any(
        all(numbers == [str(base + n) for n in range(len(numbers))] for numbers in firsts)
        for base in (0, 1)
    )
