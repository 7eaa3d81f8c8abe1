"""Wrapping: a text in a prompt so that nothing in it can pass for the prompt itself.

A text may hold instructions, closing delimiters, or the tokens by which a chat template tells who
speaks. It is put between delimiters that it cannot hold, or into JSON, and such tokens are broken.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import regex

_ROLES = regex.compile(
    r"<\|[^|<>\n]{1,40}\|>|<｜[^｜\n]{1,40}｜>|</?s>|\[/?INST\]|<</?SYS>>|</?think>"
    r"|</?(?:start_of_turn|end_of_turn|bos|eos|pad|unk|assistant|system|user)>",
    regex.IGNORECASE,
)
"""Tokens of chat templates in use: a tokeniser reads them out of a text as if they were real."""

_JOINTS = ("\u200b", "\u2060", "\u2063", "\u2064")
"""Characters that break a token without being seen; one that the text has not is taken."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A text as a prompt holds it; `mark` is the name of its delimiter, None in JSON."""

    content: str
    mark: str | None
    defused: bool


def defuse(text: str) -> str:
    """The text with every token of a chat template broken after its first character."""
    if "<" not in text and "[" not in text:
        return text
    joint = _joint(text)
    broken: str = _ROLES.sub(lambda token: token[0][0] + joint + token[0][1:], text)
    return broken


def mend(answer: str, text: str) -> str:
    """The answer without the breaks that `defuse` put into its text."""
    joint = _joint(text)
    return answer if joint in text else answer.replace(joint, "")


def _joint(text: str) -> str:
    return next((joint for joint in _JOINTS if joint not in text), _JOINTS[0])


def leaked(answer: str, text: str) -> str | None:
    """A token of a chat template that the answer holds and the text does not."""
    known = {token.casefold() for token in _ROLES.findall(text)}
    return next((t for t in _ROLES.findall(answer) if t.casefold() not in known), None)


def delimited(text: str) -> Wrapped:
    """Between tags whose name follows from the text and is not in it.

    The name is a digest of the text: the same each time, so that an answer that was paid for is
    found again, and a text that holds its own digest cannot be written (2^64 tries).
    """
    number = 0
    while (mark := f"text-{_digest(text, number)}") in text:
        number += 1
    safe = defuse(text)
    return Wrapped(f"<{mark}>\n{safe}\n</{mark}>", mark, safe != text)


def in_json(text: str, source: str, target: str) -> Wrapped:
    """As a value in a JSON object: quotes and line breaks of the text are escaped."""
    safe = defuse(text)
    fields = {"source_language": source, "target_language": target, "text": safe}
    return Wrapped(json.dumps(fields, ensure_ascii=False), None, safe != text)


def _digest(text: str, number: int) -> str:
    return hashlib.sha256(f"{number}\0{text}".encode()).hexdigest()[:16]
