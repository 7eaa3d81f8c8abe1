"""Stored HMM models that ship with xltpipe, found by their languages."""

from __future__ import annotations

import json
from pathlib import Path

import xltpipe

FILE = "languages.json"
"""Lies beside a stored model and says `{"source": "eng", "target": "spa"}`."""


def find_prior(source: str, target: str) -> Path | None:
    """The stored model of two languages (ISO 639-3), in whichever direction it was trained."""
    package = Path(xltpipe.__file__).resolve().parent
    for place in (package / "_models", package.parent / "data" / "models"):
        for found in sorted(place.glob(f"*/{FILE}")):
            languages = json.loads(found.read_bytes())
            if {languages["source"], languages["target"]} == {source, target}:
                return found.parent
    return None
