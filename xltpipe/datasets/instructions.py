"""Instructions and dialogues: the turns of each record are its texts, in their order.

Read are the shapes in which such data is published: `messages` with role and content (the chat
format of OpenAI), `conversations` with from and value (ShareGPT), and single turns with named
fields (Alpaca, Taori et al., 2023: instruction, input, output; Dolly: instruction, context,
response; prompt with completion or response).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from xltpipe.datasets.records import Record, RecordSource, emptied, items_at, named
from xltpipe.errors import DataError
from xltpipe.json_text import Path as Place
from xltpipe.json_text import shown
from xltpipe.types import Example

_CHATS = (
    ("messages", "role", "content"),
    ("conversations", "from", "value"),
    ("conversation", "from", "value"),
)
_SINGLE = (
    ("instruction", "input", "output"),
    ("instruction", "context", "response"),
    ("prompt", "completion"),
    ("prompt", "response"),
)

Turn = tuple[Place, str, str]
"""Where a text stands in its record, who speaks, and the text."""


class Instructions(RecordSource):
    """Prompts with responses, and dialogues, as JSON objects, a line each.

    Speakers, tool calls and all other fields go into `meta`. Of turns that are given in parts
    (text, images) the text parts are texts. A turn without content, such as a call of a tool,
    has no text. Turns of `kept_roles` are not translated; of single turns the field is the role.
    """

    kind: Literal["instructions"] = "instructions"
    kept_roles: tuple[str, ...] = ()
    """Speakers whose turns stay as they are, such as `system` and `tool`."""

    def example(self, record: Record, line: str, id: str, lang: str) -> Example:
        turns = _turns(record)
        if not turns:
            raise DataError("Record must hold a turn with text, was: none")
        return Example(
            id,
            lang,
            tuple(text for _, _, text in turns),
            meta=emptied(line, [place for place, _, _ in turns]),
            verbatim=tuple(
                number for number, (_, role, _) in enumerate(turns) if role in self.kept_roles
            ),
        )


def _turns(record: Record) -> list[Turn]:
    for name, role, content in _CHATS:
        if name in record:
            return list(_chat(record, name, role, content))
    for names in _SINGLE:
        if names[0] in record and names[-1] in record:
            return list(_single(record, names))
    raise DataError(
        "Record must have messages, conversations, instruction and output, or prompt and "
        f"completion, was: with {named(record)}; other shapes can be brought into jsonl"
    )


def _chat(record: Record, name: str, role: str, content: str) -> Iterator[Turn]:
    for number, turn in enumerate(items_at(record, name)):
        where = f"{name}[{number}]"
        if not isinstance(turn, dict):
            raise DataError(f"{where} must be a JSON object, was: {shown(turn)}")
        speaker, key = turn.get(role), content
        if speaker is None and role == "from":  # ShareGPT's shape with the names of the other
            speaker, key = turn.get("role"), "content"
        if not isinstance(speaker, str):
            raise DataError(f"{where}.{role} must be a string, was: {shown(speaker)}")
        yield from _contents(turn.get(key), (name, number, key), speaker)


def _contents(value: object, place: Place, speaker: str) -> Iterator[Turn]:
    if isinstance(value, str):
        yield place, speaker, value
    elif isinstance(value, list):
        for number, part in enumerate(value):
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(part, dict) and part.get("type", "text") == "text":
                if not isinstance(text, str):
                    raise DataError(
                        f"{_told(place)}[{number}].text must be a string, was: {shown(text)}"
                    )
                yield (*place, number, "text"), speaker, text
            elif not isinstance(part, dict):
                raise DataError(
                    f"{_told(place)}[{number}] must be a JSON object, was: {shown(part)}"
                )
    elif value is not None:
        raise DataError(
            f"{_told(place)} must be a string, an array of parts or null, was: {shown(value)}"
        )


def _told(place: Place) -> str:
    return f"{place[0]}[{place[1]}].{place[2]}"


def _single(record: Record, names: tuple[str, ...]) -> Iterator[Turn]:
    for name in names:
        value = record.get(name)
        if value is None or value == "":  # an instruction without input
            continue
        if not isinstance(value, str):
            raise DataError(f"{name} must be a string, was: {shown(value)}")
        yield (name,), name, value
