"""Export: rows of a run as a file in another format, streaming, with what the format cannot hold.

Files to learn from hold one language and one split; tasks for review may hold any rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal, get_args

from xltpipe.datasets.label_studio import Task, config_path, write_label_studio
from xltpipe.datasets.squad import ANSWER, CONTEXT, write_squad
from xltpipe.datasets.write import (
    Written,
    as_json,
    json_line,
    whole,
    write_conll,
    write_jsonl,
    write_original,
    write_parquet,
)
from xltpipe.errors import DataError, RecipeError
from xltpipe.review.labels import known_labels
from xltpipe.review.rows import Part, Record, Row, State, chosen, rows
from xltpipe.store import Store
from xltpipe.text import tokenise
from xltpipe.types import Bounds, Example, Unit

Format = Literal["conll", "jsonl", "squad", "label-studio", "parquet", "original"]
FORMATS: tuple[Format, ...] = get_args(Format)
Wanted = State | Literal["all"]

COUNTED = {
    "line_breaks": "texts whose line breaks are written as spaces",
    "labels": "labels of whole examples that the format cannot hold",
    "links": "links between spans that the format cannot hold",
    "meta": "rows whose meta the format cannot hold",
    "masked": "rows that lost a span, which the format cannot tell from rows without it",
    "answer_lost": "rows left out: their answer was lost, which the format would call unanswerable",
    "not_kept": "rejected or quarantined rows, which the format cannot tell from kept ones",
}
"""What an export met, in words."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, where, and what the format could not hold besides spans (`COUNTED`)."""

    written: Written
    path: Path
    config: Path | None = None
    counts: Counter[str] = field(default_factory=Counter)


def export(
    store: Store,
    record: Record,
    path: Path,
    *,
    format: Format,
    state: Wanted,
    lang: str | None,
    split: str | None,
    limit: int | None,
) -> Exported:
    """Write the rows of a run that are wanted, in their order; the whole file or none.

    Raises:
        RecipeError: no such language or split, or the format holds one and the run has several.
        DataError: a row cannot be written in this format; it is named.
    """
    parts = chosen(record, lang, split)
    if format != "label-studio":
        _single(parts)
    wanted = islice((r for r in rows(store, parts) if state in ("all", r.state)), limit)
    found = Exported(Written(0, 0, 0), path)
    if format == "label-studio":
        run = str(record["run"])
        known = known_labels(store, record)
        tasks = (Task(run, r.split, r.unit, r.scores) for r in wanted)
        written = write_label_studio(tasks, path, sorted(known.spans), sorted(known.classes))
        return replace(found, written=written, config=config_path(path))
    if format == "jsonl" and state != "kept":
        return replace(found, written=_write_states(wanted, path, str(record["run"])))
    write = _WRITERS[format]
    examples = (_learnable(r, found.counts) for r in wanted)
    return replace(found, written=write(examples, path, found.counts))


def _learnable(row: Row, counts: Counter[str]) -> Example:
    """The row's target; one that is not kept says which of its texts lost a span.

    Of a kept row the recipe has decided that (`incomplete`).
    """
    if row.state == "kept":
        return row.unit.target
    counts["not_kept"] += 1
    return replace(row.unit.target, masked=_incomplete(row.unit))


def _incomplete(unit: Unit) -> tuple[int, ...]:
    """The texts whose source has a span that was not placed: lost, or never come to."""
    placed = {p.source for p in unit.placements if p.target is not None}
    lost = {s.text for k, s in enumerate(unit.source.spans) if k not in placed}
    return tuple(sorted(lost | set(unit.target.masked)))


def _single(parts: list[Part]) -> None:
    for what, option, known in (
        ("language", "--lang", {p.lang for p in parts}),
        ("split", "--split", {p.split for p in parts}),
    ):
        if len(known) > 1:
            raise RecipeError(
                f"File must hold one {what}, was: {', '.join(sorted(known))}; choose one "
                f"with {option}"
            )


def _write_states(given: Iterator[Row], path: Path, run: str) -> Written:
    """JSON Lines with the verdict of each row under `meta`: not all of them are good to learn."""
    count = spans = 0
    with whole(path) as stream:
        for row in given:
            unit = row.unit
            meta = {"run": run, "split": row.split, "state": row.state}
            more = {"reasons": unit.reasons, "error": unit.error, "source": unit.source.texts}
            told = json_line({**meta, **more}, unit.target.meta).rstrip("\n")
            stream.write(json_line(as_json(unit.target), told).encode())
            count += 1
            spans += len(unit.target.spans)
    return Written(count, spans, 0)


Examples = Iterator[Example]


def _parquet(examples: Examples, path: Path, counts: Counter[str]) -> Written:
    del counts  # it holds everything
    return write_parquet(examples, path)


def _jsonl(examples: Examples, path: Path, counts: Counter[str]) -> Written:
    del counts
    return write_jsonl(examples, path)


def _original(examples: Examples, path: Path, counts: Counter[str]) -> Written:
    del counts
    return write_original(examples, path)


def _conll(examples: Examples, path: Path, counts: Counter[str]) -> Written:
    flat = (_flat(example, counts) for example in examples)
    return write_conll(flat, path, scheme="bio", comments=True)


def _flat(example: Example, counts: Counter[str]) -> Example:
    """The example such that CoNLL gives it back: no line break, no span that ends inside a word."""
    if len(example.texts) != 1:
        return example  # the writer refuses it by name
    if example.id != example.id.strip() or not example.id.isprintable():
        raise DataError(
            "Id must be printable and without white space at its ends to be written as CoNLL, "
            f"was: {example.id!r}; choose another format"
        )
    text = example.texts[0].replace("\r", " ").replace("\n", " ")
    counts["line_breaks"] += text != example.texts[0]
    counts["labels"] += example.label is not None
    counts["masked"] += bool(example.masked)
    _unheld(example, counts)
    return replace(example, texts=(text,), tokens=_cut(example))


def _unheld(example: Example, counts: Counter[str]) -> None:
    counts["links"] += len(example.links)
    counts["meta"] += example.meta is not None


def _cut(example: Example) -> tuple[Bounds, ...]:
    """The words, cut where a span begins or ends inside one, so that tags keep every place."""
    ends = sorted({place for s in example.spans for place in (s.start, s.end)})
    pieces: list[Bounds] = []
    for start, end in example.tokens or tokenise(example.texts[0]).bounds:
        places = [start, *(p for p in ends if start < p < end), end]
        pieces += pairwise(places)
    return tuple(pieces)


def _squad(examples: Examples, path: Path, counts: Counter[str]) -> Written:
    def able() -> Examples:
        for example in examples:
            answered = any(
                s.text == CONTEXT and s.label.casefold() == ANSWER for s in example.spans
            )
            if CONTEXT in example.masked and not answered:
                counts["answer_lost"] += 1
                continue
            counts["labels"] += example.label is not None
            _unheld(example, counts)
            yield example

    return write_squad(able(), path)


_WRITERS: dict[str, Callable[[Examples, Path, Counter[str]], Written]] = {
    "conll": _conll,
    "jsonl": _jsonl,
    "original": _original,
    "parquet": _parquet,
    "squad": _squad,
}
