"""Markers in prompts and answers: which were sent, and what became of them."""

from __future__ import annotations

import re

from xltpipe.translation.defects import markers

_MARKER = re.compile(r"\[/?[A-H]\]|</?[a-h]>|[\[\]{}⟨⟩⟦⟧]")


def bare(text: str) -> str:
    """The text without markers and white space: what is the same however it was marked."""
    return "".join(_MARKER.sub("", text).split())


def altered(sent: str, received: str) -> list[str]:
    """What became of the markers, such as `[A] lost`; empty if each came back as it was sent."""
    ours, theirs = markers(sent), markers(received, anywhere=True)
    if not ours:
        return []
    lost = [f"{mark} lost" for mark in ours - theirs]
    # a bracket more may be the text's own; one that names a span is not
    added = [f"{mark} added" for mark in theirs - ours if len(mark) > 1]
    return lost + added + _order(list(ours), sent, received)


def _order(ours: list[str], sent: str, received: str) -> list[str]:
    """Named pairs that close before they open; nothing where they never did otherwise."""
    out = []
    for opening in (mark for mark in ours if mark[1:2].isalpha()):
        closing = opening[0] + "/" + opening[1:]
        at, end = received.find(opening), received.find(closing)
        if 0 <= end < at and sent.find(opening) < sent.find(closing):
            out.append(f"{opening} after {closing}")
    return out
