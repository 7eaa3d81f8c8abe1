"""Labelled rows: a small JSONL file that says of some rows of a run whether they are good."""

from __future__ import annotations

from pathlib import Path

from xltpipe.errors import DataError
from xltpipe.json_text import loads


def read(path: Path) -> dict[tuple[str, str | None], bool]:
    """Of each (id, language) whether it is good; without `lang` it holds for all languages.

    Raises:
        DataError: the file is missing or not JSONL, or a line lacks `id` (text) or `ok` (true or
            false), or says both of one row.
    """
    out: dict[tuple[str, str | None], bool] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Labelled rows must be a UTF-8 file, was: {path} ({error})") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        key, good = _row(line, path, number)
        if out.setdefault(key, good) != good:
            raise DataError(
                f"Labelled row must be good or not, was: both ({path}, line {number}, "
                f"id {key[0]!r})"
            )
    if not out:
        raise DataError(f"Labelled rows must be at least one, was: none in {path}")
    return out


def _row(line: str, path: Path, number: int) -> tuple[tuple[str, str | None], bool]:
    try:
        row = loads(line)
    except ValueError as error:
        raise DataError(
            f"Labelled row must be JSON, was: {error} ({path}, line {number})"
        ) from error
    fine = (
        isinstance(row, dict)
        and isinstance(row.get("id"), str)
        and isinstance(row.get("ok"), bool)
        and isinstance(row.get("lang", ""), str)
    )
    if not fine:
        raise DataError(
            'Labelled row must be like {"id": "train-7", "ok": true}, was: '
            f"{line[:80]} ({path}, line {number})"
        )
    return (row["id"], row.get("lang")), row["ok"]
