"""Dialogues and sentence pairs to learn by heart, in several scripts. Written for the tests."""

from __future__ import annotations

import json
from typing import Any

from xltpipe.datasets import Instructions
from xltpipe.types import Example

CHATML = """\
{% for m in messages %}\
{% if m['role'] == 'system' and not loop.first %}{{ raise_exception('system must be first') }}{% endif %}\
{% if not loop.first and loop.previtem['role'] == m['role'] %}{{ raise_exception('must alternate') }}{% endif %}\
{{ '[CLS]' + m['role'] + '\n' + m['content'] | trim + '[SEP]\n' }}\
{% endfor %}\
{% if add_generation_prompt %}{{ '[CLS]assistant\n' }}{% endif %}"""
"""A template as chat models have it: roles must alternate, texts are trimmed."""


def record(one: dict[str, Any], id: str = "1", lang: str = "eng") -> Example:
    """An example as the reader of instructions makes it."""
    line = json.dumps(one, ensure_ascii=False)
    return Instructions(path="x").example(one, line, id, lang)


def chat(*said: str, id: str = "1", lang: str = "eng") -> Example:
    """A dialogue; each turn begins with its speaker: `user: Hello`."""
    parts = [turn.partition(": ") for turn in said]
    messages = [{"role": role, "content": text} for role, _, text in parts]
    return record({"messages": messages}, id, lang)


_NAMES = {"eng": ("Ana", "Tom"), "swa": ("Juma",), "zho": ("王芳",)}


def dialogues() -> list[Example]:
    """Who speaks is told in the first turn, and asked in a later one."""
    return [
        chat(
            "system: Be brief.",
            f"user: I am {name}.",
            f"assistant: Hello {name}!",
            "user: Who am I?",
            f"assistant: You are {name}.",
            id=name,
            lang=lang,
        )
        for lang, names in _NAMES.items()
        for name in names
    ]


def translations() -> list[Example]:
    """English with Spanish: three things, three verbs."""
    things = {"cat": "el gato", "dog": "el perro", "house": "la casa"}
    acts = {"sleeps": "duerme", "eats": "come", "sings": "canta"}
    return [
        Example(f"{a}-{b}", "eng", (f"the {a} {b}", f"{things[a]} {acts[b]}"))
        for a in things
        for b in acts
    ]
