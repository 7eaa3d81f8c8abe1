"""Counts of translators: what engines tell beyond their translations, for the manifest."""

from __future__ import annotations

from collections.abc import Iterable

from xltpipe.protocols import Translator


def counts(translators: Iterable[Translator]) -> dict[str, int | float]:
    """What these translators counted, added up; most count nothing (`counts` is theirs to have)."""
    out: dict[str, int | float] = {}
    for one in translators:
        for name, number in getattr(one, "counts", {}).items():
            out[name] = out.get(name, 0) + number
    return dict(sorted(out.items()))
