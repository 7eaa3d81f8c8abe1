"""Markers in texts: what is sent with a text to come back with it, in any of the house's styles."""

from __future__ import annotations

from collections import Counter

import regex

_MARKER = regex.compile(r"\[/?[A-H]\]|</?[a-h]>|[\[\]{}⟨⟩⟦⟧]")
"""`[A]` and `[/A]`, `<a>` and `</a>`, and brackets; longest first."""


def markers(text: str) -> list[str]:
    """Each marker in the text, in order; brackets of the text's own among them."""
    found: list[str] = _MARKER.findall(text)
    return found


def bare(text: str) -> str:
    """The text without markers and white space: what is the same however it was marked."""
    return "".join(_MARKER.sub("", text).split())


def altered(sent: str, received: str) -> list[str]:
    """What became of the markers, such as `[A] lost`; empty if each came back as it was sent."""
    ours, theirs = Counter(markers(sent)), Counter(markers(received))
    if not ours:
        return []
    lost = [f"{mark} lost" for mark in ours - theirs]
    return lost + [f"{mark} added" for mark in theirs - ours] + _order(sent, received)


def _order(sent: str, received: str) -> list[str]:
    """Named pairs that close before they open; nothing where they never did otherwise."""
    out = []
    for opening in dict.fromkeys(m for m in markers(sent) if m[1:2].isalpha()):
        closing = opening[0] + "/" + opening[1:]
        at, end = received.find(opening), received.find(closing)
        if 0 <= end < at and sent.find(opening) < sent.find(closing):
            out.append(f"{opening} after {closing}")
    return out
