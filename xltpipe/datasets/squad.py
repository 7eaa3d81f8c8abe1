"""SQuAD files: questions on paragraphs, answers by their place (Rajpurkar et al., 2016, 2018).

An example has two texts, question and context; answers are spans with the label `answer` in the
second. XQuAD, MLQA and SQuAD 2.0 have this form too; a question without answer has no span.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from xltpipe.datasets.checks import Located
from xltpipe.datasets.files import FileSource
from xltpipe.datasets.write import Written, whole
from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.json_text import shown as _shown
from xltpipe.types import Example, Span
from xltpipe.unpacking import document as whole_document

ANSWER = "answer"
QUESTION, CONTEXT = 0, 1


class Squad(FileSource):
    """Questions of a SQuAD file (1.1, 2.0) with their contexts; one JSON document."""

    kind: Literal["squad"] = "squad"

    def reader(self, lang: str, path: Path) -> Located:
        return SquadReader(path, lang)


class SquadReader:
    """Reads one file, which is held in memory as a whole."""

    def __init__(self, path: Path, lang: str) -> None:
        self.repairs = 0  # nothing is repaired: an answer that is not where it says is an error
        self._path, self._lang, self._place = path, lang, ""

    def place(self) -> str:
        return f"{self._path}, {self._place}"

    def __iter__(self) -> Iterator[Example]:
        document = _document(self._path)
        for at, article in enumerate(self._list(document, "data", "$")):
            paragraphs = self._list(article, "paragraphs", f"data[{at}]")
            for number, paragraph in enumerate(paragraphs):
                where = self._place = f"data[{at}].paragraphs[{number}]"
                context = self._get(paragraph, "context", where)
                for k, item in enumerate(self._list(paragraph, "qas", where)):
                    self._place = f"{where}.qas[{k}]"  # ids are told apart by it
                    yield self._example(item, context)

    def _example(self, item: object, context: str) -> Example:
        id = self._get(item, "id", self._place)
        where = f"question {id!r}"
        question = self._get(item, "question", where)
        answers: list[object] = []
        if not (isinstance(item, dict) and item.get("is_impossible") is True):
            answers = self._list(item, "answers", where)  # the plausible ones of 2.0 are none
        spans = dict.fromkeys(self._span(answer, context, where) for answer in answers)
        return Example(id, self._lang, (question, context), tuple(spans))

    def _span(self, answer: object, context: str, where: str) -> Span:
        text = self._get(answer, "text", where)
        start = answer.get("answer_start") if isinstance(answer, dict) else None
        if type(start) is not int or start < 0 or not text:
            raise DataError(
                "Answer must have a text and answer_start >= 0 in code points, was: "
                f"{_shown(answer)} ({self._path}, {where})"
            )
        if context[start : start + len(text)] != text:
            raise DataError(
                f"Answer must stand at answer_start in its context, was: {text[:80]!r} at "
                f"{start}, where {context[start : start + len(text)][:80]!r} stands "
                f"({self._path}, {where})"
            )
        return Span(start, start + len(text), ANSWER, CONTEXT)

    def _list(self, row: object, name: str, where: str) -> list[object]:
        value = row.get(name) if isinstance(row, dict) else None
        if not isinstance(value, list):
            raise DataError(
                f"{name} must be an array, was: {_shown(value)} ({self._path}, {where})"
            )
        return value

    def _get(self, row: object, name: str, where: str) -> str:
        value = row.get(name) if isinstance(row, dict) else None
        if not isinstance(value, str):
            raise DataError(
                f"{name} must be a string, was: {_shown(value)} ({self._path}, {where})"
            )
        return value


def _document(path: Path) -> Mapping[str, Any]:
    try:
        data = whole_document(path)
        document = loads(data.decode("utf-8-sig")) if data.strip() else {"data": []}
    except json.JSONDecodeError as error:
        raise DataError(f"File must be JSON, was: {error.msg} ({path}:{error.lineno})") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"File must be whole UTF-8 text, was: {error} ({path})") from error
    if not isinstance(document, dict):
        raise DataError(f'File must hold an object with "data", was: {_shown(document)} ({path})')
    return document


def write_squad(examples: Iterable[Example], path: Path) -> Written:
    """Write questions on their contexts; neighbours that share a context share a paragraph.

    Dropped and counted are spans that are not answers in the context. The version is 2.0 where a
    question has no answer, else 1.1.

    Raises:
        DataError: an example does not have two texts.
    """
    rows = spans = dropped = impossible = 0
    with whole(path) as stream:
        stream.write(b'{"data": [{"title": "", "paragraphs": [')
        for context, group in groupby(map(_checked, examples), key=lambda e: e.texts[CONTEXT]):
            stream.write(b",\n" if rows else b"\n")
            stream.write(f'{{"context": {_json(context)}, "qas": ['.encode())
            for number, example in enumerate(group):
                answers = _answers(example)
                stream.write((", " if number else "").encode() + _qa(example, answers).encode())
                rows += 1
                spans += len(answers)
                dropped += len(example.spans) - len(answers)
                impossible += not answers
            stream.write(b"]}")
        version = "v2.0" if impossible else "1.1"
        stream.write(f'\n]}}], "version": "{version}"}}\n'.encode())
    return Written(rows, spans, dropped)


def _checked(example: Example) -> Example:
    if len(example.texts) == 2:
        return example
    raise DataError(
        "Example must have two texts, question and context, to be written as SQuAD, was: "
        f"{len(example.texts)} (id {example.id!r}); choose another format"
    )


def _answers(example: Example) -> list[Span]:
    return [s for s in example.spans if s.text == CONTEXT and s.label.casefold() == ANSWER]


def _qa(example: Example, answers: list[Span]) -> str:
    given = [{"text": example.covered(s), "answer_start": s.start} for s in answers]
    item = {"id": example.id, "question": example.texts[QUESTION], "answers": given}
    return _json(item if answers else {**item, "is_impossible": True})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
