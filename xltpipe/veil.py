"""Veil: a secret gets into no log, record or message, whoever put it into the text.

Errors of libraries and servers repeat addresses, headers and keys. What leaves by one of our doors
(the terminal, a run's record, a row's error) passes through here.
"""

from __future__ import annotations

import re

VEIL = "***"
_SHORTEST = 6  # characters: hiding shorter ones would blank out words

_known: set[str] = set()

_USER = re.compile(r"(?<=://)[^\s/@\"'<>]+@")  # http://user:password@host
_BEARER = re.compile(r"(?i)(?<=\bbearer )[\w.~+/=-]{6,}")
# The prefixes that services give to their keys, so that a leaked one can be told.
_KEY = re.compile(
    r"\b(?:sk-|hf_|ghp_|github_pat_|glpat-|xox[abprs]-|pnu_|AKIA|AIza)[A-Za-z0-9_-]{12,}"
)


def hide(secret: str | None) -> None:
    """From now on, `veiled` blanks this text out wherever it stands."""
    if secret is not None and len(secret) >= _SHORTEST:
        _known.add(secret)


def veiled(text: str) -> str:
    """The text with passwords in addresses, bearer tokens and known keys blanked out."""
    for secret in _known:
        text = text.replace(secret, VEIL)
    text = _USER.sub(f"{VEIL}@", text)
    return _KEY.sub(VEIL, _BEARER.sub(VEIL, text))
