"""Hub: whatever `datasets` can load, by name, by builder or from disk (Lhoest et al., 2021)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from xltpipe.datasets.checks import checked
from xltpipe.datasets.hub_load import Origin, Rows, card_folder, digest_hub, load_rows
from xltpipe.datasets.raw import place_tokens
from xltpipe.errors import DataError, require
from xltpipe.protocols import Reader
from xltpipe.schemes import Scheme, spans_from_tags
from xltpipe.spec import Incidental, Licensed
from xltpipe.types import Example


class Hub(Licensed):
    """A split of a dataset: tokens with tags, or, where `texts` names columns, texts with a label.

    `name` is a dataset on the hub, a folder written by `save_to_disk`, or a builder (`json`,
    `parquet`, `csv`) with `data_files`; paths are relative to the recipe's folder.
    """

    kind: Literal["hub"] = "hub"
    name: str = Field(min_length=1)
    split: str = Field(min_length=1)
    config: str | None = None
    revision: str | None = None
    """A commit of the dataset; unset, the newest is asked for and enters the digest."""
    data_files: tuple[str, ...] = ()
    streaming: Annotated[bool, Incidental] = False

    id: str | None = None
    tokens: str = "tokens"
    tags: str = "ner_tags"
    tag_names: tuple[str, ...] = ()
    """The tag of each number, where the dataset does not know them."""
    scheme: Scheme = "bio"
    strict: bool = False
    texts: tuple[str, ...] = ()
    label: str | None = None
    label_names: tuple[str, ...] = ()
    meta: tuple[str, ...] = ()
    """Columns to pass through: neither translated nor changed."""
    limit: int | None = Field(default=None, ge=1)
    keep_texts: tuple[int, ...] = ()
    """Numbers of the texts of each example that are not translated, negative from the last."""

    def check(self) -> None:
        require("datasets", "datasets")

    def read(self, lang: str, root: Path) -> Reader:
        """The rows of the split as language `lang`, checked; loaded when iteration begins.

        Raises:
            MissingExtraError: while iterating; `datasets` is not installed.
            DataError: while iterating; there is no such dataset, or its content is invalid.
            TransientError: while iterating; the hub cannot be reached.
        """
        return checked(HubReader(self, lang, root), lang, self.limit, self.keep_texts)

    def digest(self, root: Path) -> str:
        """The hash of the local files, or the commit of the dataset on the hub."""
        return digest_hub(self.origin(root))

    def origin(self, root: Path) -> Origin:
        return Origin(root, self.name, self.split, self.config, self.revision, self.data_files)

    @property
    def title(self) -> str:
        """Its name (a local one without the folders above it) and configuration."""
        local = self.name.startswith((".", "/"))
        name = Path(self.data_files[0]).name if self.data_files else self.name
        shown = Path(name).name if local else name
        return f"{shown} {self.config}" if self.config else shown

    def card(self, root: Path) -> Path | None:
        """The folder that may hold the dataset's card, if one is here already."""
        return card_folder(self.origin(root))

    def columns(self) -> list[str]:
        """The columns that are read."""
        named = [*self.texts, self.label] if self.texts else [self.tokens, self.tags]
        return [name for name in (self.id, *named, *self.meta) if name is not None]


class HubReader:
    """Reads one split; rows count from 1."""

    def __init__(self, spec: Hub, lang: str, root: Path) -> None:
        self.repairs = 0
        self._spec, self._lang, self._root, self._row = spec, lang, root, 0

    def place(self) -> str:
        return f"{self._spec.name}, split {self._spec.split}, row {self._row}"

    def __iter__(self) -> Iterator[Example]:
        self.repairs = self._row = 0
        spec = self._spec
        rows = load_rows(spec.origin(self._root), spec.columns(), streaming=spec.streaming)
        make = self._classified if spec.texts else self._tagged
        for row in rows:
            self._row += 1
            try:
                yield replace(make(row, rows), meta=_meta(row, spec.meta))
            except DataError as error:
                raise DataError(f"{error} ({self.place()})") from error

    def _id(self, row: Mapping[str, object]) -> str:
        if self._spec.id is None:
            return f"{self._spec.split}-{self._row}"
        value = row[self._spec.id]
        return str(value) if isinstance(value, int) else _text(value, self._spec.id)

    def _tagged(self, row: Mapping[str, object], rows: Rows) -> Example:
        spec = self._spec
        tokens = [_text(value, spec.tokens) for value in _list(row[spec.tokens], spec.tokens)]
        names = spec.tag_names or rows.names(spec.tags)
        tags = [
            _name(value, names, spec.tags, "tag_names")
            for value in _list(row[spec.tags], spec.tags)
        ]
        text, bounds = place_tokens(tokens, None)
        spans, repairs = spans_from_tags(tags, bounds, spec.scheme, strict=spec.strict)
        self.repairs += repairs
        return Example(self._id(row), self._lang, (text,), tuple(spans), None, tuple(bounds))

    def _classified(self, row: Mapping[str, object], rows: Rows) -> Example:
        spec = self._spec
        texts = tuple(_text(row[name], name) for name in spec.texts)
        label = None
        # ClassLabel writes -1 for "not labelled", as hidden test sets are
        if spec.label is not None and row[spec.label] not in (None, -1):
            names = spec.label_names or rows.names(spec.label)
            label = _name(row[spec.label], names, spec.label, "label_names")
        return Example(self._id(row), self._lang, texts, label=label)


def _meta(row: Mapping[str, object], columns: Sequence[str]) -> str | None:
    if not columns:
        return None
    try:
        return json.dumps({name: row[name] for name in columns}, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(
            f"Columns of meta must hold what JSON can, was: {error}; leave such columns out of meta"
        ) from error


def _list(value: object, column: str) -> Sequence[object]:
    if not isinstance(value, list):
        raise DataError(f"Column {column} must hold lists, was: {value!r}")
    return value


def _text(value: object, column: str) -> str:
    if not isinstance(value, str):
        raise DataError(f"Column {column} must hold text, was: {value!r}")
    return value


def _name(value: object, names: Sequence[str], column: str, setting: str) -> str:
    if isinstance(value, str):
        return value
    if not names:
        raise DataError(
            f"Column {column} must hold names or know those of its numbers, was: {value!r}; "
            f"set {setting} on the source"
        )
    if not isinstance(value, int) or not 0 <= value < len(names):
        raise DataError(
            f"Column {column} must hold numbers from 0 to {len(names) - 1}, was: {value!r}"
        )
    return names[value]
