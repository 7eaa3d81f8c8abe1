"""Credentials: secrets by name, from wherever the application keeps them; never from a recipe.

A library reads no environment: the command line and the tasks say how a name is looked up
(`tasks/credentials.py`: an environment variable, then a Prefect block).
"""

from __future__ import annotations

from collections.abc import Callable

from xltpipe.errors import RecipeError
from xltpipe.veil import hide

Lookup = Callable[[str], str | None]
"""The secret of a name; None if it is not known there."""


class _State:
    lookup: Lookup | None = None


_state = _State()


def look_up_by(lookup: Lookup | None) -> None:
    """Ask this one from now on; None: nobody."""
    _state.lookup = lookup


def credential(name: str) -> str:
    """The secret of this name.

    Raises:
        RecipeError: nobody knows it, or it is not one line of printable text.
    """
    found = None if _state.lookup is None else _state.lookup(name)
    if found is None:
        raise RecipeError(
            f"Secret must be known, was: none by the name {name!r}; set the environment variable "
            f"XLTPIPE_SECRET_{name.upper().replace('-', '_')}, or make a Prefect block of kind "
            "Secret with this name"
        )
    key = found.strip()
    hide(key)
    if not is_key(key):
        raise RecipeError(
            f"Secret must hold one key and nothing else, was: {name!r} (its content is not shown)"
        )
    return key


def is_key(text: str) -> bool:
    """Whether a text can be sent as a key: one word of printable ASCII."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
