"""JSON from elsewhere: one kind of error, whatever is wrong."""

from __future__ import annotations

import json

import pytest

from xltpipe.json_text import loads, shown

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (DEEP, "Nested too deep"),
        ('{"a":' * 100_000, "Nested too deep"),
        ("9" * 5000, "Not readable"),
        ("{", "Expecting"),
        ("", "Expecting value"),
    ],
)
def test_every_fault_is_a_json_error(text: str, message: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=message):
        loads(text)


def test_what_is_json_is_read() -> None:
    assert loads('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert loads(b'"\xc3\xa9"') == "é"
    assert loads("NaN", constant=lambda name: name) == "NaN"


def test_any_value_can_be_shown() -> None:
    value: object = 1
    for _ in range(5000):
        value = [value]
    assert shown(value) == "a list that nests too deep"
    assert shown({"a": "é" * 200}) == '{"a": "' + "é" * 73
