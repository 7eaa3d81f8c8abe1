"""Instructions, choices and events: shapes that others write, read and written again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.fuzz.targets_data import CHOICE, EVENTS, INSTRUCTIONS
from xltpipe.datasets import Choice, Events, Instructions
from xltpipe.datasets.records import RecordSource
from xltpipe.datasets.write import Written, write_original
from xltpipe.errors import DataError
from xltpipe.json_text import extents
from xltpipe.types import Example, Link, Span


def read(folder: Path, spec: type[RecordSource], *rows: Any, **settings: Any) -> list[Example]:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    (folder / "d.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return list(spec(path="d.jsonl", **settings).read("eng", folder))


def test_turns_are_texts_in_order(tmp_path: Path) -> None:
    chat, shared, single = read(tmp_path, Instructions, *INSTRUCTIONS, kept_roles=["system"])
    assert (chat.id, chat.texts, chat.verbatim) == ("1", ("Be kind.", "Who?"), (0,))
    assert (shared.id, shared.texts) == ("d-2", ("Hi", "Hello"))
    assert (single.id, single.texts) == ("d-3", ("Add.", "1 2", "3"))
    told = json.loads(chat.meta or "")
    assert [turn["role"] for turn in told["messages"]] == ["system", "user", "assistant"]
    assert told["messages"][1]["content"][0] == {"type": "text", "text": {"$text": 1}}


def test_an_instruction_without_input_has_two_texts(tmp_path: Path) -> None:
    alpaca = {"instruction": "Say hi.", "input": "", "output": "Hi."}
    dolly = {"instruction": "Who?", "context": "Ana.", "response": "Ana"}
    prompt = {"prompt": "Two?", "completion": "2"}
    rows = read(tmp_path, Instructions, alpaca, dolly, prompt)
    assert [e.texts for e in rows] == [("Say hi.", "Hi."), ("Who?", "Ana.", "Ana"), ("Two?", "2")]


RAW = '{ "n": 1.00,"messages":[{"role":"user","content":"\\u00bfQu\\u00e9? \\"x\\"","w":1e2}], "z": "$text" }'


def test_records_are_written_as_they_were_read(tmp_path: Path) -> None:
    for spec, rows in ((Instructions, [*INSTRUCTIONS, RAW]), (Choice, CHOICE)):
        examples = read(tmp_path, spec, *rows)
        given = (tmp_path / "d.jsonl").read_text("utf-8")
        assert write_original(examples, tmp_path / "o.jsonl") == Written(len(rows), 0, 0)
        back = (tmp_path / "o.jsonl").read_text("utf-8").splitlines()
        assert list(map(json.loads, back)) == list(map(json.loads, given.splitlines()))
    (raw,) = read(tmp_path, Instructions, RAW)
    assert raw.meta == RAW.replace('"\\u00bfQu\\u00e9? \\"x\\""', '{"$text": 0}')
    write_original([replace(raw, texts=('¿A "b"?',))], tmp_path / "o.jsonl")
    assert (tmp_path / "o.jsonl").read_text("utf-8") == (
        raw.meta.replace('{"$text": 0}', '"¿A \\"b\\"?"') + "\n"
    )


@pytest.mark.parametrize("meta", [None, "{}", '{"a": {"$text": 1}}', '{"a": {"$text": 0}}'])
def test_other_examples_cannot_be_written_so(tmp_path: Path, meta: str | None) -> None:
    with pytest.raises(DataError, match=r"read by instructions or choice .* \(id 'x'\); choose"):
        write_original([Example("x", "eng", ("a", "b"), meta=meta)], tmp_path / "o")


def test_answers_by_number_letter_name_and_text(tmp_path: Path) -> None:
    options = ["red", "blue", "C"]
    given = [1, "1", "B", "b", "blue", "C", None]
    rows = [{"question": "?", "options": options, "answer": answer} for answer in given]
    assert [e.label for e in read(tmp_path, Choice, *rows)] == ["1"] * 5 + ["2", None]
    assert [e.label for e in read(tmp_path, Choice, *rows[:2], first=1)] == ["0", "0"]
    named = {"text": ["x", "y"], "label": ["1", "2"]}
    (arc,) = read(tmp_path, Choice, {"question": "?", "options": named, "answer": "1"})
    assert (arc.texts, arc.label) == (("?", "x", "y"), "0")
    numbered = {"text": ["x", "y"], "label": [1, 2]}
    rows = [{"question": "?", "options": numbered, "answer": answer} for answer in (1, "1", 2)]
    assert [e.label for e in read(tmp_path, Choice, *rows)] == ["0", "0", "1"]
    twice = {"question": "?", "options": {"text": ["x", "y"], "label": ["A", "A"]}, "answer": "A"}
    with pytest.raises(DataError, match='name or text of one of 2 options, was: "A"'):
        read(tmp_path, Choice, twice)


def test_a_field_is_one_thing_only() -> None:
    with pytest.raises(ValidationError, match="must be different fields, was: "):
        Choice(path="x", context="question")


def test_a_context_stands_before_its_question(tmp_path: Path) -> None:
    row = {
        "q": "Who?",
        "article": "Ana left.",
        "choices": ["Bob", "Ana"],
        "key": 1,
        "level": "easy",
    }
    names = {"question": "q", "context": "article", "options": "choices", "answer": "key"}
    (example,) = read(tmp_path, Choice, row, **names)
    assert (example.texts, example.label) == (("Ana left.", "Who?", "Bob", "Ana"), "1")
    assert json.loads(example.meta or "")["level"] == "easy"


def test_events_are_spans_and_links(tmp_path: Path) -> None:
    by_tokens, by_characters = read(tmp_path, Events, *EVENTS)
    assert by_tokens.texts == ("Ana met Bob",)
    assert by_tokens.spans == (Span(4, 7, "Meet"), Span(0, 3, "PER"), Span(8, 11, "argument"))
    assert by_tokens.links == (Link(0, 1, "Agent"), Link(0, 2, "Other"))
    assert by_tokens.tokens == ((0, 3), (4, 7), (8, 11))
    assert by_characters.spans == (Span(4, 7, "M"),)
    assert json.loads(by_characters.meta or "") == {"event_mentions": EVENTS[1]["event_mentions"]}
    line = '{"a": 1.00, "text": "Ana ran", "b":  {"x": "\\ud800"} ,"tokens": [],"a": 1e400}'
    (kept,) = read(tmp_path, Events, line)
    assert kept.texts == ("Ana ran",)
    assert kept.meta == '{"a": 1.00, "b":  {"x": "\\ud800"}, "a": 1e400}'
    assert read(tmp_path, Events, '{"text": "a"}')[0].meta == "{}"
    idle = {"tokens": ["Ana"], "entity_mentions": [{"id": "e", "start": 0, "end": 1, "type": "P"}]}
    assert [e.spans for e in read(tmp_path, Events, idle)] == [()]
    assert [e.spans for e in read(tmp_path, Events, idle, entities=True)] == [(Span(0, 3, "P"),)]


TRIGGER = {"start": 0, "end": 1}
REFUSED: list[tuple[type[RecordSource], Any, str]] = [
    (Instructions, [1], r"Line must be a JSON object, was: \[1\]"),
    (Instructions, '{"messages": ', "Line must be a JSON object, was: Expecting value at column"),
    (Instructions, {"text": "a"}, 'must have messages, conversations, .*was: with "text"'),
    (Instructions, {"messages": []}, "must hold a turn with text, was: none"),
    (Instructions, {"messages": [{"content": "a"}]}, r"messages\[0\].role must be a string"),
    (Instructions, {"messages": [{"role": "u", "content": 1}]}, r"messages\[0\].content must be"),
    (
        Instructions,
        {"messages": [{"role": "u", "content": [{"type": "text"}]}]},
        r"messages\[0\].content\[0\].text must be a string, was: null",
    ),
    (Instructions, {"prompt": "a", "response": 1}, "response must be a string, was: 1"),
    (
        Instructions,
        {"prompt": "a", "response": "b", "x": {"$text": 0}},
        r"Record must not hold {\"\$text\": 0}",
    ),
    (Instructions, {"prompt": "a", "response": "b", "id": 1.5}, "id must be a string or an int"),
    (
        Choice,
        {"question": "?"},
        'options must be an array, was: missing; the fields are "question"',
    ),
    (Choice, {"question": "?", "options": ["a"]}, "options must hold at least two options, was: 1"),
    (Choice, {"question": "?", "options": ["a", 2]}, r"options\[1\] must be a string, was: 2"),
    (
        Choice,
        {"question": "?", "options": ["a", "b"], "answer": 2},
        r"answer must be the number \(from 0\), letter.* of 2 options, was: 2; first = 1",
    ),
    (Events, {"x": 1}, "must have tokens, text or sentence"),
    (Events, {"text": "a", "event_mentions": [{}]}, r"event_mentions\[0\] must have event_type"),
    (
        Events,
        {"text": "a", "event_mentions": [{"event_type": "E", "trigger": {"start": 0, "end": 2}}]},
        r"trigger must satisfy 0 <= start < end <= 1, in code points, was: start=0, end=2",
    ),
    (
        Events,
        {"text": "ab", "event_mentions": [{"event_type": "E", "trigger": TRIGGER | {"text": "b"}}]},
        r"trigger.text must be what stands at its offsets, was: 'b', where 'a' stands",
    ),
    (
        Events,
        {
            "tokens": ["a"],
            "event_mentions": [
                {"event_type": "E", "trigger": TRIGGER, "arguments": [{"role": "R"}]}
            ],
        },
        r"arguments\[0\] must have start and end, or the entity_id",
    ),
]


@pytest.mark.parametrize(("spec", "row", "message"), REFUSED)
def test_refused(tmp_path: Path, spec: type[RecordSource], row: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        read(tmp_path, spec, row)
    assert "d.jsonl:1" in str(error.value)


def test_extents_are_those_of_every_value() -> None:
    text = ' {"a" : [1.0, {"b\\u0031": "x]", "c": []}, null], "d": true} '
    found = {path: text[a:b] for path, a, b in extents(text, 9)}
    assert found == {
        ("a", 0): "1.0",
        ("a", 1, "b1"): '"x]"',
        ("a", 1, "c"): "[]",
        ("a", 1): '{"b\\u0031": "x]", "c": []}',
        ("a", 2): "null",
        ("a",): '[1.0, {"b\\u0031": "x]", "c": []}, null]',
        ("d",): "true",
        (): text.strip(),
    }
    flat = {path for path, _, _ in extents(text, 1)}
    assert flat == {("a",), ("d",), ()}


def test_many_mentions_take_no_longer_each(tmp_path: Path) -> None:
    trigger = {"start": 0, "end": 90_000, "text": "a"}
    event = {"event_type": "E", "trigger": {"start": 0, "end": 1}}
    many = [{"role": "R", "start": k, "end": k + 1} for k in range(30_000)]
    long = {"text": "a" * 90_000, "event_mentions": [{**event, "arguments": many}]}
    (example,) = read(tmp_path, Events, long)
    assert (len(example.spans), len(example.links)) == (30_001, 30_000)
    wrong = {**long, "event_mentions": [{**event, "trigger": trigger}]}
    with pytest.raises(DataError, match=r"trigger\.text must be what stands at"):
        read(tmp_path, Events, wrong)
