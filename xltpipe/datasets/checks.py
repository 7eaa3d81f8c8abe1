"""What every reader's examples must satisfy, checked in one place: `checked`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain, islice
from operator import le, lt
from typing import Protocol

from xltpipe.errors import DataError
from xltpipe.protocols import Reader
from xltpipe.types import Example


class Located(Reader, Protocol):
    """A reader that can say where the example it gave last stands."""

    def place(self) -> str:
        """Such as `/data/eng.conll:17` or `/data/eng.parquet, row 17`."""
        ...


def checked(
    reader: Located, lang: str, limit: int | None = None, keep_texts: Sequence[int] = ()
) -> Reader:
    """The reader's first `limit` examples, checked one by one while iterating.

    Texts with the numbers `keep_texts` (negative from the last) are marked as verbatim.

    Raises:
        DataError: while iterating. An id occurs twice; a text, id or label is not valid text;
            the tokens do not ascend within the text; the language is not `lang`; a text to keep
            is not there.
    """
    return _Checked(reader, lang, limit, keep_texts)


class _Checked:
    def __init__(
        self, reader: Located, lang: str, limit: int | None, keep_texts: Sequence[int]
    ) -> None:
        self.repairs = 0
        self._reader = reader
        self._lang = lang
        self._limit = limit
        self._keep_texts = keep_texts

    def __iter__(self) -> Iterator[Example]:
        # Hashes, not ids: 60 to 110 bytes a row as the table grows; 10 million rows took 0.8 GB.
        # An id that seems to occur twice is looked up in the source again, so that two ids
        # with one hash are not taken for equal.
        seen: set[int] = set()
        labels: set[str] = set()  # labels found valid: few, and checked once each
        reader = self._reader
        for example in islice(reader, self._limit):
            key = hash(example.id)
            if key in seen:
                self._check_first(example.id)
            seen.add(key)
            fault = _fault(example, self._lang, labels)
            if fault:
                raise DataError(f"{fault} ({reader.place()}, id {example.id!r})")
            self.repairs = reader.repairs
            yield self._kept(example) if self._keep_texts else example
        self.repairs = reader.repairs

    def _kept(self, example: Example) -> Example:
        count = len(example.texts)
        missing = [number for number in self._keep_texts if not -count <= number < count]
        if missing:
            raise DataError(
                f"keep_texts must be numbers of texts, 0..{count - 1} or -{count}..-1 from the "
                f"last, was: {missing[0]} ({self._reader.place()}, id {example.id!r})"
            )
        numbers = {number % count for number in self._keep_texts} | {*example.verbatim}
        return replace(example, verbatim=tuple(sorted(numbers)))

    def _check_first(self, id: str) -> None:
        here = self._reader.place()
        again = copy(self._reader)
        for example in again:
            if again.place() == here:
                return
            if example.id == id:
                raise DataError(
                    f"Ids must differ within a source, was: {id!r} at {again.place()} "
                    f"and again at {here}"
                )


def _fault(example: Example, lang: str, labels: set[str]) -> str | None:
    if not example.id:
        return "Id must not be empty, was: ''"
    if example.lang != lang:
        return f"Language must be the recipe's, {lang!r}, was: {example.lang!r}"
    for name, text in (("Id", example.id), *(("Text", text) for text in example.texts)):
        if not _valid(text):
            return f"{name} must be valid Unicode without NUL, was: {text[:80]!r}"
    if example.meta is not None and not _valid(example.meta):
        return f"Field meta must be valid Unicode without NUL, was: {example.meta[:80]!r}"
    named = (*(s.label for s in example.spans), *(k.label for k in example.links))
    for label in (example.label, *named):
        if label is not None and label not in labels:
            if not label or not _valid(label):
                return f"Label must be valid Unicode and not empty, was: {label!r}"
            labels.add(label)
    return _token_fault(example) if example.tokens else None


def _valid(text: str) -> bool:
    """Neither NUL (which ends strings elsewhere) nor a lone surrogate (which UTF-8 cannot hold)."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _token_fault(example: Example) -> str | None:
    flat = list(chain.from_iterable(example.tokens))
    size = len(example.texts[0]) if example.texts else 0
    starts, ends = flat[::2], flat[1::2]
    # no loop in Python where all is well: this runs for every token of every source
    inside = flat[0] >= 0 and flat[-1] <= size
    if inside and all(map(lt, starts, ends)) and all(map(le, ends, starts[1:])):
        return None
    for at, (start, end) in enumerate(example.tokens):
        before = example.tokens[at - 1][1] if at else 0
        if not before <= start < end <= size:
            return (
                "Tokens must ascend without overlap, not be empty and lie inside the text, "
                f"was: token {at} = ({start}, {end}) after {before} in {size} characters"
            )
    return None
