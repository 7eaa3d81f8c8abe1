"""Checksums: SHA256SUMS of a model directory, as `sha256sum --check` reads it."""

from __future__ import annotations

from pathlib import Path

from xltpipe import durable
from xltpipe.errors import DataError, RecipeError

FILE = "SHA256SUMS"


def write_checksums(folder: Path) -> None:
    """Write the sums of all files but Markdown; what was written before is on the disk after it."""
    lines = [
        f"{entry['sha256']}  {entry['name']}\n"
        for entry in durable.describe(folder)
        if _summed(str(entry["name"]))
    ]
    durable.write_whole(folder / FILE, "".join(lines))


def check_whole(folder: Path) -> None:
    """Meet a model that was damaged, if it has checksums: it would give other results in silence.

    Raises:
        RecipeError: a file is missing, or is not the one that was summed.
    """
    wrong = compare_checksums(folder)
    if wrong:
        raise RecipeError(
            f"Model must be as its {FILE} says, was: {folder} ({', '.join(wrong)}); copy it again, "
            f"or, if it was changed on purpose, take {FILE} away"
        )


def compare_checksums(folder: Path) -> list[str] | None:
    """What is wrong with a directory's files, one line each; None if it has no checksums.

    Raises:
        DataError: the file of checksums cannot be read.
    """
    if not (folder / FILE).is_file():
        return None
    try:
        lines = (folder / FILE).read_text("utf-8").splitlines()
    except ValueError as error:
        raise DataError(f"Checksums must be UTF-8, was: {folder / FILE} ({error})") from error
    wrong = []
    for number, line in enumerate(lines, 1):
        wanted, _, name = line.partition("  ")
        if len(wanted) != 64 or not name or Path(name).is_absolute() or ".." in Path(name).parts:
            raise DataError(
                f"Checksums must be lines of a sum and a name, was: {line[:80]!r} in "
                f"{folder / FILE}, line {number}"
            )
        if not (folder / name).is_file():
            wrong.append(f"{name} is missing")
        elif durable.digest_file(folder / name) != wanted:
            wrong.append(f"{name} was changed or damaged")
    return wrong


def _summed(name: str) -> bool:
    return not name.endswith(".md") and name != FILE
