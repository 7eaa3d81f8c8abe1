"""What is wrong with settings, told in the keys that the user wrote."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, get_args

from pydantic import ValidationError

from xltpipe.spec import Spec

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Place = tuple[int | str, ...]

_WORDS = {
    "missing": "must be given",
    "tuple_type": "must be a list",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
}


def explain(error: ValidationError, model: type[Spec]) -> list[str]:
    """One line per fault: the path of the key as written, and what it must be."""
    found = error.errors()
    places = [fault["loc"] for fault in found]
    return [_line(f, model) for f in found if not _follows(f, places)]


def kinds(annotation: object) -> list[str]:
    """The kinds that a union of specs offers, in its order."""
    return [str(spec.model_fields["kind"].default) for spec in _specs(annotation)]


def _follows(fault: ErrorDetails, places: list[Place]) -> bool:
    """A list is short only because an item of it was refused, which is told already."""
    size = len(fault["loc"])
    return fault["type"] == "too_short" and any(
        len(place) > size and place[:size] == fault["loc"] for place in places
    )


def _line(fault: ErrorDetails, model: type[Spec]) -> str:
    kind, place = fault["type"], fault["loc"]
    if kind == "extra_forbidden":
        path, specs, _ = _walk(place[:-1], model)
        path.append(str(place[-1]))
        text = "unknown key" + _suggestion(str(place[-1]), specs)
    else:
        path, _, annotation = _walk(place, model)
        text = _text(fault, annotation)
    return f"{'.'.join(path) or 'recipe'}: {text}"


def _text(fault: ErrorDetails, annotation: object) -> str:
    if fault["type"] == "union_tag_invalid":
        return f"kind must be one of {', '.join(kinds(annotation))}, was: {fault['ctx']['tag']!r}"
    if fault["type"] == "union_tag_not_found":
        return f"kind must be given, one of {', '.join(kinds(annotation))}"
    text = _WORDS.get(fault["type"])
    if text is None:
        return fault["msg"].removeprefix("Value error, ")
    return text if fault["type"] == "missing" else f"{text}, was: {fault['input']!r}"


def _walk(place: Place, model: type[Spec]) -> tuple[list[str], list[type[Spec]], object]:
    """A fault's place as a path in the file, the specs that may stand there, and its annotation.

    Pydantic puts the kind that it chose into the place; in the file there is no such key.
    """
    path: list[str] = []
    specs: list[type[Spec]] = [model]
    annotation: object = model
    for part in place:
        if isinstance(part, int):  # an item of a list: what may stand there is known already
            path.append(str(part))
            continue
        if len(specs) > 1:
            specs = [s for s in specs if kinds(s) == [part]]
            continue
        path.append(str(part))
        if specs and part in specs[0].model_fields:
            annotation = specs[0].model_fields[str(part)].annotation
            specs = _specs(annotation)
    return path, specs, annotation


def _specs(annotation: object) -> list[type[Spec]]:
    """All specs named in an annotation, at any depth of unions and containers."""
    if isinstance(annotation, type) and issubclass(annotation, Spec):
        return [annotation]
    return [spec for part in get_args(annotation) for spec in _specs(part)]


def _suggestion(key: str, specs: list[type[Spec]]) -> str:
    names = [name for spec in specs for name in spec.model_fields]
    near = get_close_matches(key, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(names)}"
