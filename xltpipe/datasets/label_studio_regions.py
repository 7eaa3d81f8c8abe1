"""Regions of Label Studio as spans: each checked against the text that it says it covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xltpipe.datasets.label_studio import text_name
from xltpipe.errors import DataError
from xltpipe.json_text import shown
from xltpipe.types import Bounds, Span


@dataclass(frozen=True, slots=True)
class Region:
    """One labelled stretch: the tag of its text, its value, and where it stands in the file."""

    to_name: str
    value: Mapping[str, Any]
    place: str


def spans_of(
    regions: Sequence[Region], texts: Sequence[str], counts: Counter[str]
) -> tuple[Span, ...]:
    """The spans that regions describe, ascending.

    White space at their ends is cut off (`trimmed`), repetitions are one span (`repeated`).

    Raises:
        DataError: a region is of no text or without label, or covers other text than it says.
    """
    names = [text_name(number) for number in range(len(texts))]
    spans: list[Span] = []
    for region in regions:
        if region.to_name not in names:
            raise DataError(
                f"Region must be of {' or '.join(names)}, was: of {region.to_name!r} "
                f"({region.place}); keep the names of the labelling interface beside the export"
            )
        number = names.index(region.to_name)
        start, end = _trimmed(_bounds(region, texts[number], counts), texts[number], counts)
        if start >= end:
            raise DataError(f"Region must hold more than white space, was: none ({region.place})")
        spans += [Span(start, end, label, number) for label in _labels(region)]
    out = sorted(set(spans), key=lambda s: (s.text, s.start, -s.end, s.label))
    counts["repeated"] += len(spans) - len(out)
    return tuple(out)


def _labels(region: Region) -> list[str]:
    labels = region.value.get("labels")
    if isinstance(labels, list) and labels and all(isinstance(x, str) and x for x in labels):
        return labels
    raise DataError(
        f"Region must have a label, was: {shown(labels)} "
        f"({region.place}); label it or delete it in Label Studio, and export again"
    )


def _bounds(region: Region, text: str, counts: Counter[str]) -> Bounds:
    start, end = region.value.get("start"), region.value.get("end")
    if type(start) is not int or type(end) is not int or not 0 <= start < end:
        raise DataError(
            f"Region must have whole numbers 0 <= start < end, was: {start!r}, {end!r} "
            f"({region.place}); use the labelling interface beside the export (tag Text)"
        )
    points, units = _points(text, start, end), _units(text, start, end)
    covered = region.value.get("text")
    if not isinstance(covered, str):
        if points is not None and points == units:  # both countings say the same
            return points
        raise DataError(
            f"Region must say what text it covers, was: none at {start}–{end} ({region.place}); "
            'set saveTextResult="yes" on the Text tags, and export again'
        )
    fits = [b for b in (points, units) if b is not None and _same(text[b[0] : b[1]], covered)]
    if not fits:
        there = "nothing" if points is None else repr(text[points[0] : points[1]][:80])
        raise DataError(
            f"Region must cover the text that it names, {covered[:80]!r}, was: {there} at "
            f"{start}–{end} in code points, and another in UTF-16 units ({region.place}); label "
            "it anew in Label Studio, and export again"
        )
    counts["utf16"] += fits[0] != points
    counts["ambiguous"] += len(set(fits)) > 1
    return fits[0]


def _points(text: str, start: int, end: int) -> Bounds | None:
    return (start, end) if end <= len(text) else None


def _units(text: str, start: int, end: int) -> Bounds | None:
    """The bounds in code points if those given count UTF-16 units; None inside a pair."""
    if text.isascii() or max(text) < "\U00010000":
        return _points(text, start, end)
    found, at = {}, 0
    for point, character in enumerate(text):
        found[at] = point
        at += 1 if character < "\U00010000" else 2
    found[at] = len(text)
    return (found[start], found[end]) if start in found and end in found else None


def _same(text: str, covered: str) -> bool:
    """Equal, but for white space: the editor folds some, and writes a line break as backslash n."""
    return text == covered or _bare(text) == _bare(covered) != ""


def _bare(text: str) -> str:
    return "".join(text.replace("\\n", "\n").split())


def _trimmed(bounds: Bounds, text: str, counts: Counter[str]) -> Bounds:
    start, end = bounds
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    counts["trimmed"] += (start, end) != bounds
    return start, end
