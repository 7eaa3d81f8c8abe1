"""Verbs on the rows of runs: diff, sample, export, import-review."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from xltpipe.cli import OK, Store_, shelf_of
from xltpipe.errors import RecipeError

State = Literal["kept", "rejected", "quarantined", "all"]
Format = Literal["conll", "jsonl", "squad", "label-studio", "parquet", "original"]


def diff(
    run_a: str,
    run_b: str,
    *,
    rows: int = 5,
    seed: int = 0,
    json: Path | None = None,
    store: Store_ = None,
) -> int:
    """Set two runs side by side: rows gained, lost and changed, verdicts turned, spans moved.

    A row is the same in both runs if it has the same language, split and id.

    Parameters
    ----------
    run_a
        A run's id, or the beginning of one (see `xltpipe runs`): what it was.
    run_b
        Another run: what it became.
    rows
        How many differing rows to show side by side, of each kind of difference in turn.
    seed
        Another seed, other rows.
    json
        Write all counts and every differing row to this file, for programs.
    """
    from xltpipe.catalogue import connect
    from xltpipe.cli import corpus_tables
    from xltpipe.review.difference import difference, sampled
    from xltpipe.review.rows import find

    _positive(rows)
    _check(json)
    shelf = shelf_of(store)
    a, b = str(find(shelf, run_a)["run"]), str(find(shelf, run_b)["run"])
    with connect(shelf) as connection:
        found = difference(connection, a, b)
        corpus_tables.difference(a, b, found)
        corpus_tables.differing(a, b, sampled(connection, a, b, rows, seed), found.differing)
        if json is not None:
            corpus_tables.write_difference(connection, a, b, found, json)
    return OK


def sample(
    run: str,
    *,
    state: State = "all",
    reason: str | None = None,
    label: str | None = None,
    lang: str | None = None,
    split: str | None = None,
    rows: int = 10,
    seed: int = 0,
    json: bool = False,
    store: Store_ = None,
) -> int:
    """Show some rows of a run, source and target with coloured spans, and why one was rejected.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    state
        Only rows that were kept, rejected or quarantined.
    reason
        Only rows that this rule rejected, alone or with others.
    label
        Only rows with this label, in the source or in the target.
    lang
        Only rows in this target language.
    split
        Only rows of this split (train, dev).
    rows
        How many rows.
    seed
        Another seed, other rows.
    json
        Print one JSON object a line, for programs.
    """
    from xltpipe.catalogue import connect
    from xltpipe.cli import corpus_tables
    from xltpipe.review.rows import find
    from xltpipe.review.sampling import Filters
    from xltpipe.review.sampling import sample as drawn

    _positive(rows)
    shelf = shelf_of(store)
    name = str(find(shelf, run)["run"])
    with connect(shelf) as connection:
        filters = Filters(state, reason, label, lang, split)
        found, total = drawn(connection, name, filters, rows, seed)
    if json:
        corpus_tables.print_json(name, found)
    else:
        corpus_tables.sample(found, total)
    return OK


def export(
    run: str,
    out: Path,
    *,
    format: Format,
    state: State = "kept",
    lang: str | None = None,
    split: str | None = None,
    limit: int | None = None,
    store: Store_ = None,
) -> int:
    """Write rows of a run to a file: to learn from, in the shape it was read in, or to review.

    A file to learn from holds one language and one split. `label-studio` writes tasks with the
    labels as they are, and beside them the labelling interface; what people correct there comes
    back with `xltpipe import-review`.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    out
        The file to write; `.gz` packs it.
    format
        How to write it; docs/formats.md says what each holds.
    state
        Which rows: kept, or for review also the others.
    lang
        Only rows in this target language.
    split
        Only rows of this split (train, dev).
    limit
        At most so many rows, the first ones.
    """
    from xltpipe.cli import corpus_tables
    from xltpipe.review.export import export as written
    from xltpipe.review.rows import find

    if limit is not None:
        _positive(limit)
    _check(out)
    shelf = shelf_of(store)
    record = find(shelf, run)
    found = written(
        shelf, record, out, format=format, state=state, lang=lang, split=split, limit=limit
    )
    corpus_tables.exported(record, found)
    return OK


def import_review(run: str, file: Path, *, store: Store_ = None) -> int:
    """Bring reviewed rows back from Label Studio as a new run, whose parent is the reviewed one.

    Everything is checked before anything is written; rows that are not in the file stay as they
    were. Kept rows are published as a corpus, and `xltpipe diff` shows what the review changed.

    Parameters
    ----------
    run
        The run that was exported: its id, or the beginning of one.
    file
        What Label Studio exported, as JSON.
    """
    from xltpipe.cli import corpus_tables
    from xltpipe.review.importing import import_review as imported
    from xltpipe.review.rows import find

    shelf = shelf_of(store)
    corpus_tables.imported(shelf, imported(shelf, find(shelf, run), file))
    return OK


def _positive(rows: int) -> None:
    if rows < 1:
        raise RecipeError(f"Number of rows must be at least 1, was: {rows}")


def _check(file: Path | None) -> None:
    """A file that cannot be written is told before the work, not after it."""
    if file is None:
        return
    folder = file.absolute().parent
    if not folder.is_dir() or file.is_dir() or not os.access(folder, os.W_OK):
        raise RecipeError(
            f"File must lie in a folder that is there and can be written, was: {file.absolute()}"
        )
