"""Turns: who says each text of a dialogue, in the words that chat templates know.

Speakers stand in an example's `meta`, which the reader `instructions` leaves as the record had it,
with `{"$text": 0}` in place of the first text and so on. Where it names none, turns alternate and
the last is the assistant's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from xltpipe.json_text import Path as Place
from xltpipe.json_text import loads
from xltpipe.types import Example

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
_NAMES = {
    SYSTEM: "system",
    USER: "user human prompter instruction input context prompt question",
    ASSISTANT: "assistant gpt chatgpt bot bing bard model ai output response completion answer",
}
ROLES: Mapping[str, str] = MappingProxyType(
    {name: role for role, names in _NAMES.items() for name in names.split()}
)
"""Speakers of published data, and names of fields, by the role that they have."""
_SLOT = "$text"
_SLOTS = re.compile(r'\{"\$text": \d+\}')


class Turn(NamedTuple):
    """What somebody says; of roles that templates know, `system`, `user` and `assistant`."""

    role: str
    text: str


def turns(example: Example) -> list[Turn]:
    """The turns of an example, in order; parts of one message are joined, but never the last text.

    A speaker without a known role, such as `doctor`, is the assistant where it has the last word,
    and else the user; tools keep their names.
    """
    said = _speakers(example)
    if said is None:
        count = len(example.texts)
        roles = [ASSISTANT if (count - n) % 2 else USER for n in range(count)]
        return [Turn(*one) for one in zip(roles, example.texts, strict=True)]
    roles = _roles([speaker for speaker, _ in said])
    out: list[Turn] = []
    last = len(said) - 1
    for n, (role, text) in enumerate(zip(roles, example.texts, strict=True)):
        if 0 < n < last and said[n][1] == said[n - 1][1] and role == out[-1].role:
            out[-1] = Turn(role, f"{out[-1].text}\n\n{text}")
        else:
            out.append(Turn(role, text))
    return out


def _roles(speakers: Sequence[str]) -> list[str]:
    known = [ROLES.get(speaker.casefold()) for speaker in speakers]
    if known[-1] is not None:
        return [role or speaker for role, speaker in zip(known, speakers, strict=True)]
    tools = {"tool", "function", "observation"}
    return [
        ASSISTANT if speaker == speakers[-1] else role or (speaker if speaker in tools else USER)
        for role, speaker in zip(known, speakers, strict=True)
    ]


def _speakers(example: Example) -> list[tuple[str, Place]] | None:
    """Who says each text, and the message that it stands in; None where meta does not say so."""
    if example.meta is None or not example.texts or not _SLOTS.search(example.meta):
        return None
    found = dict(_slots(loads(example.meta)))
    if set(found) != set(range(len(example.texts))):
        return None
    return [found[n] for n in range(len(example.texts))]


def _slots(record: object) -> Iterator[tuple[int, tuple[str, Place]]]:
    """The number of each text, with its speaker and message; by a stack, as JSON may nest deep."""
    stack: list[tuple[object, Place, str | None]] = [(record, (), None)]
    while stack:
        value, place, speaker = stack.pop()
        if isinstance(value, list):
            stack += [(one, (*place, n), speaker) for n, one in enumerate(value)]
        elif isinstance(value, dict):
            number = value.get(_SLOT)
            if len(value) == 1 and isinstance(number, int):
                message = place[:2] if len(place) > 1 else ()
                yield number, (speaker or str(place[0] if place else ""), message)
                continue
            if len(place) == 2:  # a message, in a list of them
                said = (value.get("role"), value.get("from"))
                speaker = next((one for one in said if isinstance(one, str)), speaker)
            stack += [(one, (*place, key), speaker) for key, one in value.items()]
