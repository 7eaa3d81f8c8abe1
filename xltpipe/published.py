"""Published: a run's corpus as files to be taken elsewhere, each true to its manifest."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xltpipe.card import run_folder
from xltpipe.durable import digest_file, sync
from xltpipe.errors import DataError, RecipeError
from xltpipe.licences import Licence, forbidding, licences
from xltpipe.recipe import Recipe
from xltpipe.runs import records
from xltpipe.store import Shard, Store

CARD = "README.md"
_MAKE = "run its recipe again to make it whole"


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name below the corpus's folder, where it lies, bytes and SHA-256."""

    name: str
    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Published:
    """A run's corpus: its folder, its files (the card among them) and whose work it holds."""

    run: str
    folder: Path
    files: tuple[File, ...]
    licences: tuple[Licence, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    def permitted(self) -> None:
        """Whether it may be passed on, as far as the stated licences tell.

        Raises:
            RecipeError: a licence forbids it, or is not stated.
        """
        against = [
            f"{o.role} {o.name}: {o.licence}"
            + ("" if o.stated else " (set `licence` on it in the recipe and run it again)")
            for o in forbidding(self.licences)
        ]
        if against:
            raise RecipeError(
                "Licences must allow to pass the corpus on, was: "
                + "; ".join(against)
                + "; --accept-licences goes on if you have the right to"
            )


def published(store: Store, wanted: str) -> Published:
    """The corpus of a run, by the run's id or the beginning of one.

    Raises:
        RecipeError: there is no such run, or several begin so.
        DataError: the run has no whole corpus.
    """
    record = _record(store, wanted)
    run, folder = record["run"], store.root / run_folder(record["run"])
    store.gather(run_folder(run))
    if record["state"] != "completed":
        raise DataError(f"Run must be completed, was: {run} {record['state']}; {_MAKE}")
    made = _made(record)
    if not made:
        raise DataError(
            f"Run must have a corpus, was: {run} with none; the strategies corpus and "
            "translate_train make one"
        )
    files = [
        f for (lang, split), shard in made.items() for f in _part(store, folder, lang, split, shard)
    ]
    if not any((store.manifest(shard) or {})["counts"]["rows"] for shard in made.values()):
        raise DataError(
            f"Corpus must hold rows, was: none kept by {run}; `xltpipe quality preview {run}` "
            "shows what each rule drops"
        )
    files.append(_card(folder))
    recipe = _recipe(record)
    return Published(
        run, folder, tuple(sorted(files, key=lambda f: f.name)), tuple(licences(recipe))
    )


def _record(store: Store, wanted: str) -> dict[str, Any]:
    known = records(store)
    exact = [r for r in known if r["run"] == wanted]
    found = exact or [r for r in known if wanted and r["run"].startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(r["run"] for r in found)
        raise RecipeError(f"Run must be told by the beginning of its id, was: {wanted!r} ({names})")
    newest = ", ".join(r["run"] for r in known[::-1][:5]) or "none yet"
    raise RecipeError(f"Run must be one of the catalogue's, was: {wanted!r} (newest: {newest})")


def _recipe(record: Mapping[str, Any]) -> Recipe:
    try:
        return Recipe.model_validate(record["recipe"])
    except ValidationError as error:
        raise DataError(
            f"Run must be of a recipe that this version knows, was: {record['run']} "
            f"({error.error_count()} faults); {_MAKE}"
        ) from error


def _made(record: Mapping[str, Any]) -> dict[tuple[str, str], Shard]:
    """The corpus artefact of each language and split."""
    return {
        (outcome["target"], split): Shard(**fields)
        for outcome in record["outcomes"]
        for split, fields in outcome["shards"]
        if fields["stage"] == "materialise"
    }


def _part(store: Store, folder: Path, lang: str, split: str, shard: Shard) -> Iterator[File]:
    home = folder / f"lang={lang}" / f"split={split}"
    where = f"lang={lang}/split={split}"
    listed = (store.manifest(shard) or {}).get("files", [])
    wanted = {f["name"]: f for f in listed if f["name"].endswith(".parquet")}
    there = {p.name for p in home.iterdir()} if home.is_dir() else set()
    if not wanted or there != set(wanted):
        odd = ", ".join(sorted(there ^ set(wanted))) or "no files at all"
        raise DataError(
            f"Corpus must hold what its manifest lists, was: {odd} in {where} missing or not "
            f"of it; {_MAKE}"
        )
    for name, entry in sorted(wanted.items()):
        path = home / name
        if path.stat().st_size != entry["bytes"] or digest_file(path) != entry["sha256"]:
            raise DataError(
                f"Corpus must be true to its manifest, was: {where}/{name} with another content; "
                f"{_MAKE}"
            )
        yield File(f"{where}/{name}", path, entry["bytes"], entry["sha256"])


def _card(folder: Path) -> File:
    path = folder / CARD
    if not path.is_file():
        raise DataError(f"Corpus must have its card, was: no {path}; {_MAKE}")
    return File(CARD, path, path.stat().st_size, digest_file(path))


def copy(corpus: Published, folder: Path) -> Path:
    """The same files in a folder of their own, moved in place when all are there and true.

    Raises:
        DataError: the folder holds something already, or cannot be written.
    """
    home = folder.expanduser().absolute()
    aside = home.with_name(f".{home.name}.{os.getpid()}.tmp")
    try:
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise DataError(f"Folder must be new or empty, was: {home}")
        aside.mkdir(parents=True)
        for file in corpus.files:
            to = aside / file.name
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, to)
            sync(to)
            if digest_file(to) != file.sha256:
                raise DataError(f"Copy must be true to the corpus, was: {to} with another content")
        aside.replace(home)
    except OSError as error:
        raise DataError(f"Folder must be one that can be written, was: {home} ({error})") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return home
