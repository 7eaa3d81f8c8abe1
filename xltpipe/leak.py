"""Leak: test rows that were seen before, and what could not be looked through: kept and told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xltpipe import progress
from xltpipe.errors import RecipeError

_REMEDIES = {
    "duplicate": "take them out of one of the two",
    "aligner": "take their sentences out of the file",
    "translation": "test on other data, or train the model with them in held_out",
    "named": "test on other data, or translate with another model",
    "target_dev": "judge on source-language data, or report the scores as an upper bound",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """Rows of held-out data that were seen before.

    `kind`: duplicate (in other data of the recipe), aligner or translation (in what these learnt
    from), named (a model's card says that it learnt from the data set), target_dev (checkpoints
    are chosen on the target language). `rows` are the first ids, `count` is how many there are
    (None: not counted), `text` is that of the first.
    """

    kind: str
    where: str
    rows: tuple[str, ...] = ()
    count: int | None = None
    text: str = ""

    def __str__(self) -> str:
        if self.count is None:
            return f"{self.where}; {_REMEDIES[self.kind]}"
        more = self.count - len(self.rows)
        named = ", ".join(self.rows) + (f" and {more} more" if more > 0 else "")
        begin = self.text if len(self.text) <= 60 else f"{self.text[:60]}…"
        rows = f"{self.count} row{'s' if self.count != 1 else ''}"
        return f"{rows} of {self.where}: {named} (“{begin}”); {_REMEDIES[self.kind]}"


@dataclass(frozen=True, slots=True)
class Missing:
    """Files that a translation model learnt from and that are not here: leaks there are not seen.

    `files` are their places in the model's card, such as `pairs.0`.
    """

    model: str
    files: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.files)
        return (
            f"leaks: {count} file{'s' if count > 1 else ''} that the translation model "
            f"{self.model} learnt from could not be looked through: not beside the recipe or the "
            "model"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a look for leaks found, and where it could not look."""

    leaks: tuple[Leak, ...] = ()
    missing: tuple[Missing, ...] = ()


def write(found: Found, path: Path) -> None:
    """Keep what was found."""
    text = json.dumps(asdict(found), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read(path: Path) -> Found:
    """What `write` kept."""
    kept = json.loads(path.read_text(encoding="utf-8"))
    leaks = tuple(Leak(**row | {"rows": tuple(row["rows"])}) for row in kept["leaks"])
    missing = tuple(Missing(row["model"], tuple(row["files"])) for row in kept["missing"])
    return Found(leaks, missing)


def demand(found: Found, *, strict: bool) -> None:
    """Warn of leaks at the end of the run, or, where the recipe is strict, refuse it.

    What could not be looked through is told in either case.

    Raises:
        RecipeError: there are leaks and `strict` is set; they are named.
    """
    tell(found.missing)
    if strict and found.leaks:
        told = "".join(f"\n  {leak}" for leak in found.leaks)
        raise RecipeError(f"Recipe must not leak where strict = true, was:{told}")
    for leak in found.leaks:
        progress.note(f"leak: {leak}")


def tell(missing: Sequence[Missing]) -> None:
    """Say at the end of the run where nobody could look."""
    for one in missing:
        progress.note(str(one))
