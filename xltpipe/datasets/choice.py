"""Multiple choice: a question, perhaps on a context, its options in their order, the right one.

Texts are context (if any), question and options; the label is the number of the right option, from
0, as a string. Options may be an array of strings, one of objects with `text` and `label`, or an
object of two arrays `text` and `label` (ARC; Clark et al., 2018).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from xltpipe.datasets.records import Record, RecordSource, emptied, items_at, named, text_at
from xltpipe.errors import DataError
from xltpipe.json_text import Path as Place
from xltpipe.json_text import shown
from xltpipe.types import Example

Option = tuple[Place, str, str | None]
"""Where an option stands, its text, and its name, such as A, where it has one."""


class Choice(RecordSource):
    """Questions with options as JSON objects, a line each; other fields go into `meta`."""

    kind: Literal["choice"] = "choice"
    question: str = Field(default="question", min_length=1)
    context: str | None = None
    """The field of the text that the question is about; unset, there is none."""
    options: str = Field(default="options", min_length=1)
    answer: str = Field(default="answer", min_length=1)
    """The field of the right option: its number, letter, name or text; null: not known."""
    first: Literal[0, 1] = 0
    """The number of the first option, where answers are numbers."""

    @model_validator(mode="after")
    def _differ(self) -> Choice:
        fields = [self.context, self.question, self.options, self.answer]
        given = [name for name in fields if name is not None]
        if len(set(given)) < len(given):
            raise ValueError(
                f"context, question, options and answer must be different fields, was: {given}"
            )
        return self

    def example(self, record: Record, line: str, id: str, lang: str) -> Example:
        before = [name for name in (self.context, self.question) if name is not None]
        texts = [text_at(record, name) for name in before]
        options = self._options(record)
        places: list[Place] = [*((name,) for name in before), *(place for place, _, _ in options)]
        label = self._label(record, options)
        return Example(
            id,
            lang,
            (*texts, *(text for _, text, _ in options)),
            label=None if label is None else str(label),
            meta=emptied(line, places),
        )

    def _options(self, record: Record) -> list[Option]:
        name = self.options
        value = record.get(name)
        if isinstance(value, dict):  # two arrays
            texts, names = items_at(value, "text"), items_at(value, "label")
            if len(texts) != len(names):
                raise DataError(
                    f"{name} must name each option once, was: {len(names)} names for {len(texts)}"
                )
            found = [
                self._option((name, "text", k), text, label)
                for k, (text, label) in enumerate(zip(texts, names, strict=True))
            ]
        else:
            found = [
                self._option((name, k, "text"), one.get("text"), one.get("label"))
                if isinstance(one, dict)
                else self._option((name, k), one, None)
                for k, one in enumerate(items_at(record, name))
            ]
        if len(found) < 2:
            raise DataError(f"{name} must hold at least two options, was: {len(found)}")
        return found

    def _option(self, place: Place, text: object, label: object) -> Option:
        if not isinstance(text, str):
            raise DataError(f"{self.options}[{place[-1]}] must be a string, was: {shown(text)}")
        if label is not None and not isinstance(label, str | int):
            raise DataError(f"label of an option must be a string, was: {shown(label)}")
        return place, text, None if label is None else str(label)

    def _label(self, record: Record, options: list[Option]) -> int | None:
        value = record.get(self.answer)
        if value is None:
            if self.answer not in record and self.answer != "answer":
                raise DataError(f"{self.answer} must be there, was: {named(record)}")
            return None
        number = self._number(value, options)
        if number is None or not 0 <= number < len(options):
            raise DataError(
                f"{self.answer} must be the number (from {self.first}), letter, name or text of "
                f"one of {len(options)} options, was: {shown(value)}; first = 1 on the source "
                "counts from 1"
            )
        return number

    def _number(self, value: object, options: list[Option]) -> int | None:
        names = [name for _, _, name in options]
        if isinstance(value, str) or type(value) is int:  # names may be numbers: "label": [1, 2]
            known = names.count(str(value))
            if known:
                return names.index(str(value)) if known == 1 else None
        if isinstance(value, str):
            texts = [text for _, text, _ in options]
            if texts.count(value) == 1:
                return texts.index(value)
            if len(value) == 1 and value.isascii() and value.isalpha():
                return ord(value.upper()) - ord("A")
            if value.isascii() and value.isdigit() and len(value) < 4:
                return int(value) - self.first
            return None
        return value - self.first if type(value) is int else None
