"""JSON Lines: what is read, what is refused, and that the published schema says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xltpipe.datasets import Jsonl
from xltpipe.datasets.jsonl import SCHEMA
from xltpipe.datasets.write import write_jsonl
from xltpipe.errors import DataError
from xltpipe.types import Example, Link, Span


def read(folder: Path, *rows: object) -> list[Example]:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "d.jsonl").write_text("\n".join(lines), "utf-8")
    return list(Jsonl(path="d.jsonl").read("ara", folder))


ACCEPTED: list[tuple[dict[str, object], Example]] = [
    ({"id": "a", "text": ""}, Example("a", "ara", ("",))),
    (
        {"id": "a", "text": "زار 👩‍👧 مراكش", "spans": [{"start": 8, "end": 13, "label": "LOC"}]},
        Example("a", "ara", ("زار 👩‍👧 مراكش",), (Span(8, 13, "LOC"),)),
    ),
    (
        {"id": "a", "lang": "ara", "texts": ["q", "abc"], "label": "no", "meta": {"any": [1]}}
        | {"spans": [{"start": 1, "end": 3, "label": "A", "text": 1}]},
        Example("a", "ara", ("q", "abc"), (Span(1, 3, "A", 1),), "no", meta='{"any": [1]}'),
    ),
    (
        {"id": "a", "text": "ab c", "meta": None, "verbatim": [0], "masked": []}
        | {"spans": [{"start": 3, "end": 4, "label": "M"}, {"start": 0, "end": 2, "label": "P"}]}
        | {"links": [{"head": 0, "tail": 1, "label": "agent"}]},
        Example(
            *("a", "ara", ("ab c",), (Span(3, 4, "M"), Span(0, 2, "P"))),
            links=(Link(0, 1, "agent"),),
            verbatim=(0,),
        ),
    ),
    (
        {"id": "a", "text": "東京", "label": None, "tokens": [[0, 1], [1, 2]]},
        Example("a", "ara", ("東京",), tokens=((0, 1), (1, 2))),
    ),
    (
        {"id": "a", "text": "ab", "spans": [{"start": 0, "end": 2, "label": "X"}] * 2},
        Example("a", "ara", ("ab",), (Span(0, 2, "X"), Span(0, 2, "X"))),
    ),
]


@pytest.mark.parametrize(("row", "expected"), ACCEPTED)
def test_accepted(tmp_path: Path, row: dict[str, object], expected: Example) -> None:
    assert read(tmp_path, row) == [expected]


SPAN = {"start": 0, "end": 1, "label": "X"}
REFUSED_BY_SCHEMA: list[tuple[object, str]] = [
    ([1], r"\$ must be a JSON object, was: \[1\] .*d\.jsonl:1"),
    ({"text": "a"}, "id must be a string, was: missing"),
    ({"id": 7, "text": "a"}, "id must be a string, was: 7"),
    ({"id": "", "text": "a"}, "Id must not be empty"),
    ({"id": "a"}, "either text or texts, was: neither"),
    ({"id": "a", "text": "a", "texts": ["a"]}, "either text or texts, was: both"),
    ({"id": "a", "text": None}, "text must be a string, was: null"),
    ({"id": "a", "texts": []}, "texts must hold at least one"),
    ({"id": "a", "texts": ["a", 1]}, r"texts\[1\] must be a string, was: 1"),
    ({"id": "a", "text": "a", "span": []}, "no fields but id, .*, was: 'span'"),
    ({"id": "a", "text": "a", "spans": {}}, "spans must be an array, was: {}"),
    ({"id": "a", "text": "a", "spans": [SPAN, 3]}, r"spans\[1\] must be a JSON object, was: 3"),
    (
        {"id": "a", "text": "a", "spans": [SPAN | {"end": "1"}]},
        r'spans\[0\].end must be an int.*"1"',
    ),
    (
        {"id": "a", "text": "a", "spans": [SPAN | {"end": True}]},
        r"spans\[0\].end must be an integer",
    ),
    ({"id": "a", "text": "a", "spans": [SPAN | {"type": "X"}]}, r"spans\[0\] must have no fields"),
    ({"id": "a", "text": "a", "spans": [SPAN | {"start": -1}]}, r"spans\[0\] must satisfy"),
    ({"id": "a", "text": "a", "spans": [SPAN | {"label": ""}]}, "Label must be"),
    ({"id": "a", "text": "a", "label": 1}, "label must be a string, was: 1"),
    ({"id": "a", "text": "a", "label": ""}, "Label must be"),
    ({"id": "a", "text": "a", "meta": [1]}, r"meta must be a JSON object, was: \[1\]"),
    ({"id": "a", "text": "a", "links": [[0, 1]]}, r"links\[0\] must be a JSON object"),
    (
        {"id": "a", "text": "a", "links": [{"head": 0, "tail": "0", "label": "x"}]},
        r'links\[0\].tail must be an integer, was: "0"',
    ),
    ({"id": "a", "text": "a", "verbatim": ["0"]}, r"verbatim must list numbers of texts \(0..0\)"),
    ({"id": "a", "text": "a", "tokens": [[0]]}, r"tokens\[0\] must be \[start, end\]"),
    ({"id": "a", "text": "a", "tokens": [[0, True]]}, r"tokens\[0\] must be \[start, end\]"),
]
REFUSED_BEYOND: list[tuple[object, str]] = [
    (
        {"id": "a", "text": "a", "spans": [SPAN], "links": [{"head": 0, "tail": 1, "label": "x"}]},
        r"links\[0\] must join two spans by their places in spans \(0..0\), was: head=0, tail=1",
    ),
    ({"id": "a", "text": "a", "verbatim": [1]}, r"verbatim must list numbers of texts"),
    ({"id": "a", "text": "a", "spans": [SPAN | {"end": 2}]}, r"spans\[0\] must satisfy .*<= 1"),
    ({"id": "a", "text": "a", "spans": [SPAN | {"text": 1}]}, r"spans\[0\].text must be the index"),
    (
        {"id": "a", "text": "ab", "tokens": [[0, 2], [1, 2]]},
        r"Tokens must ascend.*token 1 = \(1, 2\)",
    ),
    ({"id": "a", "text": "ab", "tokens": [[1, 1]]}, r"Tokens must.*token 0 = \(1, 1\)"),
    ({"id": "a", "text": "ab", "tokens": [[0, 3]]}, r"Tokens must.*in 2 characters"),
    ({"id": "a", "text": "a", "lang": "eng"}, "Language must be the recipe's, 'ara', was: 'eng'"),
    ({"id": "a", "text": "a\ud800"}, "Text must be valid Unicode without NUL"),
    ({"id": "a", "text": "a\0"}, "Text must be valid Unicode without NUL"),
    ({"id": "a\udfff", "text": "a"}, "Id must be valid Unicode"),
    ('{"id": "a", "text": ', r"must be a JSON object, was: .* at column 21 \(.*d\.jsonl:1\)"),
]


@pytest.mark.parametrize(("row", "message"), REFUSED_BY_SCHEMA + REFUSED_BEYOND)
def test_refused(tmp_path: Path, row: object, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, row)
    assert "d.jsonl:1" in str(error.value)


def test_the_schema_agrees_with_the_reader() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
    validator.check_schema(validator.schema)
    assert [row for row, _ in ACCEPTED if not validator.is_valid(row)] == []
    assert [row for row, _ in REFUSED_BY_SCHEMA if validator.is_valid(row)] == []


def test_places_count_lines_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    good = {"id": "a", "text": "x"}
    assert len(read(tmp_path, good, "", {"id": "b", "text": "y"})) == 2
    with pytest.raises(DataError, match=r"d\.jsonl:4"):
        read(tmp_path, good, "", {"id": "b", "text": "y"}, {"id": "c"})
    with pytest.raises(DataError, match=r"'a' at .*d\.jsonl:1 and again at .*d\.jsonl:3"):
        read(tmp_path, good, {"id": "b", "text": "x"}, good)


META = '{"n": 1.00, "e": 1e2,"big": 123456789012345678901234567890, "u": "\\u00e9é",\t"d": 1, "d": 2, "x": [ ] }'


@pytest.mark.parametrize(
    "line",
    [
        f'{{"id": "a", "text": "b", "meta": {META}}}',
        f'{{"meta":{META} ,"id": "a", "text": "meta"}}',
        f'{{"id": "a", "m\\u0065ta": {META}, "text": "b"}}',
        f'{{"id": "a", "meta": {{"old": 1}}, "text": "b", "meta": {META}}}',
    ],
)
def test_meta_is_kept_as_it_stands(tmp_path: Path, line: str) -> None:
    (example,) = read(tmp_path, line)
    assert example.meta == META
    write_jsonl([example], tmp_path / "d.jsonl")
    assert META in (tmp_path / "d.jsonl").read_text("utf-8")
    assert list(Jsonl(path="d.jsonl").read("ara", tmp_path)) == [example]


def test_texts_to_keep_are_named_by_the_source(tmp_path: Path) -> None:
    read(tmp_path, {"id": "a", "texts": ["x", "y", "z"], "verbatim": [1]})
    source = Jsonl(path="d.jsonl", keep_texts=(-1,))
    assert [e.verbatim for e in source.read("ara", tmp_path)] == [(1, 2)]
    with pytest.raises(DataError, match=r"keep_texts must be numbers of texts, 0\.\.2 or .*was: 3"):
        list(Jsonl(path="d.jsonl", keep_texts=(3,)).read("ara", tmp_path))
