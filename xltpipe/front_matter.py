"""Front matter: the YAML header of a card, as the hub writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

CARDS = ("README.md", "MODEL_CARD.md")
"""Names of cards, in the order in which they are asked."""
_FENCE = "---"


def read(text: str) -> dict[str, object]:
    """The fields of a card's header; none where there is no header or it is not a table of YAML."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return {}
    end = next((k for k, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        return {}
    try:
        found = yaml.safe_load("\n".join(lines[1:end]))
    except (yaml.YAMLError, ValueError, RecursionError):  # a date that is none is a ValueError
        return {}
    return {str(k): v for k, v in found.items()} if isinstance(found, dict) else {}


def write(fields: Mapping[str, object]) -> str:
    """The header, its fences included, in the order given."""
    body = yaml.safe_dump(
        dict(fields),
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=None,  # short lists on one line
        width=100,
    )
    return f"{_FENCE}\n{body}{_FENCE}\n"


def licence_in(folder: Path) -> tuple[str, str] | None:
    """What the header of a card in this folder says of its licence, and the card's name."""
    for name in CARDS:
        try:
            fields = read((folder / name).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        said = stated(fields)
        if said is not None:
            return said, name
    return None


def stated(fields: Mapping[str, object]) -> str | None:
    """The licence that a header states, by name where its id is only "other".

    Several licences are joined: all of them hold.
    """
    given = fields.get("license", fields.get("licence"))
    listed = given if isinstance(given, list) else [given]
    names = [str(one).strip() for one in listed if one is not None and str(one).strip()]
    if names == ["other"] and fields.get("license_name"):
        return str(fields["license_name"])
    known = [name for name in names if name != "unknown"]
    return " and ".join(known) if known and len(known) == len(names) else None
