"""Examples as the catalogue's views give them, and as programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xltpipe.types import Example, Link, Span


def example(row: Mapping[str, Any]) -> Example:
    """The example in a `source` or `target` column."""
    return Example(
        row["id"],
        row["lang"],
        tuple(row["texts"]),
        tuple(Span(s["start"], s["end"], s["label"], s["text"]) for s in row["spans"]),
        row["label"],
        tuple((b["start"], b["end"]) for b in row["tokens"]),
        tuple(row["masked"]),
        # runs of earlier versions do not know what follows
        tuple(Link(k["head"], k["tail"], k["label"]) for k in row.get("links") or ()),
        row.get("meta"),
        tuple(row.get("verbatim") or ()),
    )


def content(given: Example) -> dict[str, Any]:
    """Texts, spans and label, for JSON."""
    return {
        "texts": list(given.texts),
        "spans": [
            {
                "start": s.start,
                "end": s.end,
                "label": s.label,
                "text": s.text,
                "covered": given.covered(s),
            }
            for s in given.spans
        ],
        "label": given.label,
    }
