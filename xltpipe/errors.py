"""The four errors, each named by what the caller must do about it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


class XltError(Exception):
    """Base of all errors that xltpipe raises on purpose."""


class RecipeError(XltError):
    """The experiment is wrong: change the recipe. Never retried."""


class DataError(XltError):
    """The data is wrong: the message names file or shard, row and field. Never retried."""


class MissingExtraError(XltError):
    """A package or program is not installed: the message says what to install."""


class TransientError(XltError):
    """Something outside was busy or away: the only error that is retried."""


def require(module: str, extra: str) -> ModuleType:
    """Import an optional package.

    Raises:
        MissingExtraError: the package is not installed; the message names the extra.
    """
    try:
        return import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.split(".")[0] != module.split(".", maxsplit=1)[0]:
            raise  # the package is there, something inside it is broken: show that instead
        raise MissingExtraError(
            f'Package "{module}" must be installed for this: pip install "xltpipe[{extra}]"'
        ) from error
