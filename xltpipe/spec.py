"""Settings of a component: a frozen pydantic model that knows what can change its result."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class _Incidental:
    """Marks a field that cannot change the result (threads, device, batch size)."""


Incidental = _Incidental()
"""Use as `threads: Annotated[int, Incidental] = 0`: the field stays out of `identity()`."""


class Spec(BaseModel):
    """Base of all settings. Unknown keys are errors; nothing can be changed after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def identity(self) -> dict[str, Any]:
        """What decides the result: all fields but the incidental ones, at any depth.

        Component files (models, bitexts) enter by content through `fingerprint()`.
        """
        fields = type(self).model_fields
        out: dict[str, Any] = {
            name: _plain(getattr(self, name))
            for name, field in fields.items()
            if Incidental not in field.metadata
        }
        out |= {f"{name}!": digest for name, digest in sorted(self.fingerprint().items())}
        return out

    def check(self) -> None:
        """Meet what is missing on this machine before a run begins; by default nothing can be.

        Raises:
            MissingExtraError: a package or program that this component needs is not installed.
        """

    def fingerprint(self) -> dict[str, str]:
        """Content hashes of the files this component reads, by field name; none by default."""
        return {}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The schema with what is written below each field: forms are made of it."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in _texts(cls).items():
            if name in properties:
                properties[name].setdefault("description", text)
        return schema


class Licensed(Spec):
    """Settings that name what somebody made: data, or a model."""

    licence: Annotated[str | None, Incidental] = None
    """Such as `cc-by-4.0`. Unset, the card (README.md) beside the file or model is asked."""

    def __str__(self) -> str:
        """What is named, for people: the path of data, the name of a data set or model."""
        named = (getattr(self, field, None) for field in ("path", "name", "model"))
        return next((str(one) for one in named if one), repr(self))


@cache
def _texts(model: type[Spec]) -> dict[str, str]:
    """What is written below the fields of a class and its bases.

    pydantic can do this, too (`use_attribute_docstrings`), but at every import: 0.2 s for nothing.
    """
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, Spec) and "__annotations__" in base.__dict__:
            found |= dict(_written(base))
    return found


def _written(model: type) -> Iterator[tuple[str, str]]:
    try:
        (tree,) = ast.parse(dedent(inspect.getsource(model))).body
    except (OSError, TypeError):  # made by a program, as the rules are: there is no text
        return
    for field, text in pairwise(tree.body if isinstance(tree, ast.ClassDef) else []):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
        ):
            yield field.target.id, inspect.cleandoc(str(text.value.value))


def _plain(value: object) -> Any:
    if isinstance(value, Spec):
        return value.identity()
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
