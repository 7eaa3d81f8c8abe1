"""JSON Lines: one example a line, as described by `example.schema.json` beside this file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from xltpipe.datasets.checks import Located
from xltpipe.datasets.files import FileSource, read_lines
from xltpipe.errors import DataError, RecipeError
from xltpipe.json_text import extents, loads
from xltpipe.json_text import shown as _shown
from xltpipe.languages import resolve
from xltpipe.types import Bounds, Example, Link, Span

T = TypeVar("T")

SCHEMA = Path(__file__).with_name("example.schema.json")
"""The JSON Schema of a line; tests hold this reader to it."""

_EXAMPLE = (
    *("id", "lang", "text", "texts", "spans", "label", "tokens", "masked", "links", "meta"),
    "verbatim",
)
_SPAN = ("start", "end", "label", "text")
_LINK = ("head", "tail", "label")


class Jsonl(FileSource):
    """Examples as JSON objects, a line each, in UTF-8."""

    kind: Literal["jsonl"] = "jsonl"

    def reader(self, lang: str, path: Path) -> Located:
        return JsonlReader(path, lang)


class JsonlReader:
    """Reads one file, a line at a time; blank lines are skipped."""

    def __init__(self, path: Path, lang: str) -> None:
        self.repairs = 0  # nothing is repaired here: a wrong line is an error
        self._path, self._lang, self._line = path, lang, 0

    def place(self) -> str:
        return f"{self._path}:{self._line}"

    def __iter__(self) -> Iterator[Example]:
        self._line = 0
        for lines in read_lines(self._path, "utf-8"):
            for line in lines:
                self._line += 1
                if line.strip():
                    yield self._example(line)

    def _example(self, line: str) -> Example:
        try:
            row = loads(line)
            return replace(example_from_json(row, self._lang), meta=_meta(row, line))
        except json.JSONDecodeError as error:
            raise DataError(
                f"Line must be a JSON object, was: {error.msg} at column {error.colno} "
                f"({self.place()})"
            ) from error
        except DataError as error:
            raise DataError(f"{error} ({self.place()})") from error


def example_from_json(value: object, lang: str) -> Example:
    """The example that a JSON value describes, without meta; `lang` where it names no language.

    Raises:
        DataError: the value does not fit the schema; the text begins with the field's path.
    """
    row = _object(value, "", _EXAMPLE)
    if ("text" in row) == ("texts" in row):
        has = "both" if "text" in row else "neither"
        raise DataError(f"$ must have either text or texts, was: {has}")
    texts = (
        [_get(row, "text", str, "")] if "text" in row else _strings(_get(row, "texts", list, ""))
    )
    spans = [_span(item, f"spans[{at}]", texts) for at, item in enumerate(_items(row, "spans"))]
    tokens = [_bounds(item, f"tokens[{at}]") for at, item in enumerate(_items(row, "tokens"))]
    return Example(
        id=_get(row, "id", str, ""),
        lang=_language(_get(row, "lang", str, "")) if "lang" in row else lang,
        texts=tuple(texts),
        spans=tuple(spans),
        label=_get(row, "label", str, "") if row.get("label") is not None else None,
        tokens=tuple(tokens),
        masked=_numbers(row, "masked", len(texts)),
        links=tuple(
            _link(item, f"links[{at}]", len(spans)) for at, item in enumerate(_items(row, "links"))
        ),
        verbatim=_numbers(row, "verbatim", len(texts)),
    )


def _meta(row: Mapping[str, object], line: str) -> str | None:
    """What stands in the line under `meta`, character by character."""
    value = row.get("meta")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise DataError(f"meta must be a JSON object, was: {_shown(value)}")
    *_, (start, end) = ((a, b) for path, a, b in extents(line, 1) if path == ("meta",))
    return line[start:end]


def _numbers(row: Mapping[str, object], name: str, texts: int) -> tuple[int, ...]:
    items = _items(row, name)
    numbers = [item for item in items if type(item) is int and 0 <= item < texts]
    if len(numbers) != len(items):
        raise DataError(f"{name} must list numbers of texts (0..{texts - 1}), was: {_shown(items)}")
    return tuple(numbers)


def _link(value: object, path: str, spans: int) -> Link:
    row = _object(value, path, _LINK)
    head, tail = _get(row, "head", int, path), _get(row, "tail", int, path)
    if not (0 <= head < spans and 0 <= tail < spans):
        raise DataError(
            f"{path} must join two spans by their places in spans (0..{spans - 1}), was: "
            f"head={head}, tail={tail}"
        )
    return Link(head, tail, _get(row, "label", str, path))


def _span(value: object, path: str, texts: list[str]) -> Span:
    row = _object(value, path, _SPAN)
    start, end = _get(row, "start", int, path), _get(row, "end", int, path)
    text = _get(row, "text", int, path) if "text" in row else 0
    if not 0 <= text < len(texts):
        raise DataError(
            f"{path}.text must be the index of a text (0..{len(texts) - 1}), was: {text}"
        )
    if not 0 <= start < end <= len(texts[text]):
        raise DataError(
            f"{path} must satisfy 0 <= start < end <= {len(texts[text])}, the length of its text "
            f"in code points, was: start={start}, end={end}"
        )
    return Span(start, end, _get(row, "label", str, path), text)


def _bounds(value: object, path: str) -> Bounds:
    if isinstance(value, list) and len(value) == 2:
        start, end = value
        if type(start) is int and type(end) is int:  # True is an int, but not here
            return start, end
    raise DataError(f"{path} must be [start, end] in code points, was: {_shown(value)}")


def _object(value: object, path: str, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise DataError(f"{path or '$'} must be a JSON object, was: {_shown(value)}")
    for name in value:
        if name not in known:  # a misspelt "span" would otherwise lose all labels in silence
            raise DataError(
                f"{path or '$'} must have no fields but {', '.join(known)}, was: {name!r}"
            )
    return value


_NAMES = {str: "a string", int: "an integer", list: "an array"}


def _get(row: Mapping[str, object], name: str, kind: type[T], path: str) -> T:
    value = row.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        where = f"{path}.{name}" if path else name
        was = _shown(value) if name in row else "missing"
        raise DataError(f"{where} must be {_NAMES[kind]}, was: {was}")
    return value


def _items(row: Mapping[str, object], name: str) -> list[object]:
    return _get(row, name, list, "") if name in row else []


def _strings(values: list[object]) -> list[str]:
    texts: list[str] = []
    for at, value in enumerate(values):
        if not isinstance(value, str):
            raise DataError(f"texts[{at}] must be a string, was: {_shown(value)}")
        texts.append(value)
    if not texts:
        raise DataError("texts must hold at least one text, was: []")
    return texts


@lru_cache(maxsize=256)
def _language(code: str) -> str:
    """The id of a language under any of its codes (`es`, `spa`); an unknown code stays itself."""
    try:
        return resolve(code).id
    except RecipeError:
        return code
