"""Writers: examples out as Parquet, CoNLL or JSON Lines; whole files or none."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow.parquet as pq

from xltpipe.datasets.records import filled
from xltpipe.errors import DataError
from xltpipe.schemes import Scheme, tags_from_spans
from xltpipe.tables import EXAMPLES, batches, examples_to_table
from xltpipe.text import tokenise
from xltpipe.types import Example

_ROW_GROUP = 16_384  # rows held in memory while writing Parquet


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds: its rows and spans, and how many spans the format could not hold."""

    rows: int
    spans: int
    dropped: int


def write_parquet(examples: Iterable[Example], path: Path) -> Written:
    """Write rows of EXAMPLES, a row group at a time; nothing is dropped."""
    rows = spans = 0
    with whole(path) as stream, pq.ParquetWriter(stream, EXAMPLES, compression="zstd") as writer:
        for batch in batches(iter(examples), _ROW_GROUP):
            writer.write_table(examples_to_table(batch))
            rows += len(batch)
            spans += sum(len(example.spans) for example in batch)
    return Written(rows, spans, 0)


def write_jsonl(examples: Iterable[Example], path: Path) -> Written:
    """Write one JSON object a line, as `example.schema.json` describes; nothing is dropped."""
    return _write_text(
        examples, path, lambda example: (json_line(as_json(example), example.meta), 0)
    )


def write_original(examples: Iterable[Example], path: Path) -> Written:
    """Write each record as it was read (`records.py`), with the example's texts in it.

    Spans are dropped and counted: no such record has any.

    Raises:
        DataError: an example was not read from such a record.
    """
    return _write_text(examples, path, lambda e: (f"{filled(e)}\n", len(e.spans)))


def write_conll(
    examples: Iterable[Example], path: Path, *, scheme: Scheme, comments: bool
) -> Written:
    """Write token TAB tag lines, a blank line after each sentence.

    The words are the example's tokens, or those of `text.tokenise` where it has none. Spans a
    flat scheme cannot hold are dropped and counted (`schemes.tags_from_spans`). `comments`
    adds `# sent_id` and `# text`, without which ids and spacing are lost; not all other
    readers know comments.

    Raises:
        DataError: an example does not have one text, or a token or label holds a tab or a
            line break.
    """
    return _write_text(examples, path, lambda example: _conll(example, scheme, comments=comments))


def _write_text(
    examples: Iterable[Example], path: Path, render: Callable[[Example], tuple[str, int]]
) -> Written:
    rows = spans = dropped = 0
    with whole(path) as stream:
        for example in examples:
            text, lost = render(example)
            stream.write(text.encode())
            rows += 1
            spans += len(example.spans) - lost
            dropped += lost
    return Written(rows, spans, dropped)


def _conll(example: Example, scheme: Scheme, *, comments: bool) -> tuple[str, int]:
    if len(example.texts) != 1:
        raise DataError(
            f"Example must have one text to be written as CoNLL, was: {len(example.texts)} "
            f"(id {example.id!r})"
        )
    text = example.texts[0]
    bounds = example.tokens or tokenise(text).bounds
    tags, dropped = tags_from_spans(example.spans, bounds, scheme)
    rows = [f"{text[a:b]}\t{tag}\n" for (a, b), tag in zip(bounds, tags, strict=True)]
    for row in rows:
        if row.count("\t") != 1 or "\r" in row or row.count("\n") != 1:
            raise DataError(
                f"Token and label must hold no tab or line break, was: {row[:-1]!r} "
                f"(id {example.id!r})"
            )
    head = f"# sent_id = {example.id}\n" if comments else ""
    if comments and "\n" not in text and "\r" not in text:
        head += f"# text = {text}\n"
    return f"{head}{''.join(rows)}\n", dropped


def as_json(example: Example) -> dict[str, object]:
    """The example as `example.schema.json` describes it, but for meta, which is text already."""
    row: dict[str, object] = {"id": example.id, "lang": example.lang}
    row |= {"text": example.texts[0]} if len(example.texts) == 1 else {"texts": example.texts}
    row["spans"] = [
        {"start": s.start, "end": s.end, "label": s.label} | ({"text": s.text} if s.text else {})
        for s in example.spans
    ]
    if example.label is not None:
        row["label"] = example.label
    if example.tokens:
        row["tokens"] = example.tokens
    if example.masked:
        row["masked"] = example.masked
    if example.links:
        row["links"] = [{"head": k.head, "tail": k.tail, "label": k.label} for k in example.links]
    if example.verbatim:
        row["verbatim"] = example.verbatim
    return row


def json_line(row: Mapping[str, object], meta: str | None = None) -> str:
    """The row as one line, with `meta` as it stands; line breaks between its values go."""
    line = json.dumps(row, ensure_ascii=False)
    if meta is not None:
        line = f'{line[:-1]}, "meta": {meta.translate(_ONE_LINE)}}}'
    return line + "\n"


_ONE_LINE = str.maketrans("\r\n", "  ")


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A stream that becomes the file when all went well; gzip where the name ends in `.gz`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as raw:
            if path.suffix == ".gz":  # without name and time, so that equal data is equal bytes
                with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
