"""Ensembles: two models' predictions on the same examples put together.

Labels by the mean of the models' probabilities, where both have them; spans by their places,
and links with the spans that they join.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from xltpipe.durable import write_table
from xltpipe.errors import DataError
from xltpipe.types import Example, Link, Span

FILE = "probabilities.parquet"
"""Beside predictions: for each row the probabilities of its labels."""

How = Literal["union", "intersection", "first"]
Chances = Sequence[Mapping[str, float]]
_SCHEMA = pa.schema([pa.field("probabilities", pa.map_(pa.string(), pa.float64()))])


def write(chances: Chances, home: Path) -> None:
    """Keep the probabilities of the predictions in `home`, row by row."""
    rows = [list(one.items()) for one in chances]
    write_table(
        pa.Table.from_arrays([pa.array(rows, _SCHEMA.types[0])], schema=_SCHEMA), home / FILE
    )


def read(home: Path) -> list[dict[str, float]] | None:
    """The probabilities that were kept there, if any."""
    if not (home / FILE).is_file():
        return None
    return [dict(one) for one in pq.read_table(home / FILE).column("probabilities").to_pylist()]


def join(homes: Sequence[Path], home: Path) -> None:
    """Keep the probabilities of several, one after the other, if all have them."""
    found = [read(one) for one in homes]
    if found and all(one is not None for one in found):
        write([row for one in found for row in one or ()], home)


def combined(
    guesses: Sequence[Sequence[Example]],
    chances: Sequence[Chances | None],
    spans: How,
) -> list[Example]:
    """Two models' predictions as one, row by row; where they cannot be weighed the first decides.

    `first`: the spans of the first, of the second where the first has none, in the order given:
    of several answers to a question the first counts.

    Raises:
        DataError: they are not of the same rows.
    """
    first, second = guesses
    if [e.id for e in first] != [e.id for e in second]:
        raise DataError(
            f"Predictions of an ensemble must be of the same rows, was: {len(first)} and "
            f"{len(second)} rows, or other ids"
        )
    one, two = chances
    labels: Sequence[str | None] = [e.label for e in first]
    if one is not None and two is not None:
        labels = [_likeliest(a, b) for a, b in zip(one, two, strict=True)]
    return [
        _joined(replace(a, label=label), b, spans)
        for a, b, label in zip(first, second, labels, strict=True)
    ]


def _joined(first: Example, second: Example, how: How) -> Example:
    """The first with the spans of both, and those links whose ends are among them."""
    spans = _spans(first.spans, second.spans, how)
    places = {span: n for n, span in enumerate(spans)}
    one, two = (
        {(e.spans[k.head], e.spans[k.tail], k.label): None for k in e.links}
        for e in (first, second)
    )
    told = [link for link in one if link in two] if how == "intersection" else [*(one | two)]
    links = [Link(places[a], places[b], role) for a, b, role in told if {a, b} <= places.keys()]
    return replace(first, spans=spans, links=tuple(links))


def _likeliest(one: Mapping[str, float], two: Mapping[str, float]) -> str | None:
    """The label of the highest sum; of equal ones the first by name; None where neither has one."""
    if not one and not two:
        return None
    return max(sorted({*one, *two}), key=lambda label: one.get(label, 0.0) + two.get(label, 0.0))


def _spans(first: Sequence[Span], second: Sequence[Span], how: How) -> tuple[Span, ...]:
    if how == "first":
        return tuple(first) or tuple(second)
    if how == "intersection":
        return tuple(span for span in first if span in second)
    added = [s for s in second if not any(_touch(s, f) for f in first)]
    return tuple(sorted([*first, *added], key=lambda s: (s.text, s.start, s.end, s.label)))


def _touch(one: Span, other: Span) -> bool:
    return one.text == other.text and one.start < other.end and other.start < one.end
