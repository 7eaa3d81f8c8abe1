"""Hub loading: the only place that talks to `datasets`; rows out, and what they depend on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from xltpipe.datasets.files import digest_of
from xltpipe.errors import DataError, MissingExtraError, TransientError, require

_BATCH = 1000  # rows decoded at a time; `datasets` itself writes batches of this size
_COMMIT = re.compile("[0-9a-f]{40}")


class _Dataset(Protocol):
    """What is used of `datasets.Dataset` and `datasets.IterableDataset`."""

    features: Mapping[str, object] | None
    column_names: list[str] | None

    def iter(self, batch_size: int) -> Iterator[Mapping[str, Sequence[object]]]: ...
    def select_columns(self, column_names: list[str]) -> _Dataset: ...


@dataclass(frozen=True, slots=True)
class Origin:
    """Which split of which dataset; paths are relative to `root`."""

    root: Path
    name: str
    split: str
    config: str | None
    revision: str | None
    data_files: tuple[str, ...]


class Rows:
    """The rows of a loaded split, and the names its columns give to numbers."""

    def __init__(self, dataset: _Dataset, columns: Sequence[str]) -> None:
        self._dataset, self._columns = dataset, columns
        self._names: dict[str, tuple[str, ...]] = {}

    def names(self, column: str) -> tuple[str, ...]:
        """The names of a ClassLabel column (or of a list of them); empty for other columns."""
        if column not in self._names:
            feature = (self._dataset.features or {}).get(column)
            feature = getattr(feature, "feature", feature)  # the item of a list
            self._names[column] = tuple(getattr(feature, "names", None) or ())
        return self._names[column]

    def __iter__(self) -> Iterator[Mapping[str, object]]:
        for batch in self._dataset.iter(_BATCH):
            for values in zip(*(batch[name] for name in self._columns), strict=True):
                yield dict(zip(self._columns, values, strict=True))


def load_rows(origin: Origin, columns: Sequence[str], *, streaming: bool) -> Rows:
    """Load a split and pick columns.

    Raises:
        MissingExtraError: `datasets` is not installed.
        DataError: there is no such dataset, split or column.
        TransientError: the hub cannot be reached.
    """
    try:
        dataset = _load(origin, streaming=streaming)
    except ConnectionError as error:
        raise TransientError(f'Hub must be reachable for "{origin.name}", was: {error}') from error
    except (FileNotFoundError, KeyError, ValueError) as error:
        raise DataError(
            f'Dataset "{origin.name}" must have split {origin.split!r}, was: {error}'
        ) from error
    return Rows(_pick(dataset, columns, origin.name), columns)


def _load(origin: Origin, *, streaming: bool) -> _Dataset:
    datasets = require("datasets", "datasets")
    dataset: _Dataset
    if _is_folder(origin):
        found = datasets.load_from_disk(str(origin.root / origin.name))
        dataset = found[origin.split] if isinstance(found, Mapping) else found
        return dataset
    dataset = datasets.load_dataset(
        origin.name,
        origin.config,
        split=origin.split,
        revision=None if origin.data_files else _commit(origin),
        data_files=[str(path) for path in _files(origin)] or None,
        streaming=streaming,
    )
    return dataset


def digest_hub(origin: Origin) -> str:
    """The hash of the local files, or the commit on the hub."""
    if _is_folder(origin):
        files = sorted(path for path in (origin.root / origin.name).rglob("*") if path.is_file())
    elif origin.data_files:
        files = _files(origin)
    else:
        return _commit(origin)
    digest = hashlib.sha256()
    for path in files:
        # `datasets` keeps files of its own (cache-*) beside the data: they are not the data
        if not path.name.startswith("cache-"):
            digest.update(f"{path.name}\0{digest_of(path)}\n".encode())
    return digest.hexdigest()


def card_folder(origin: Origin) -> Path | None:
    """The folder with the dataset's README.md: beside local files, else in the hub's cache.

    Asks nothing of the network: loading a dataset from the hub leaves its card in the cache.
    """
    if origin.data_files:
        return (origin.root / origin.data_files[0]).parent
    if (origin.root / origin.name).is_dir():
        return origin.root / origin.name
    try:
        constants = require("huggingface_hub.constants", "datasets")
    except MissingExtraError:
        return None
    cache = Path(constants.HF_HUB_CACHE) / f"datasets--{origin.name.replace('/', '--')}"
    folders = [p.parent for p in cache.glob(f"snapshots/{origin.revision or '*'}/README.md")]
    return max(folders, key=lambda p: p.stat().st_mtime, default=None)


def _pick(dataset: _Dataset, columns: Sequence[str], name: str) -> _Dataset:
    present = dataset.column_names or columns  # a stream may not know its columns yet
    missing = [column for column in columns if column not in present]
    if missing:
        raise DataError(
            f'Dataset "{name}" must have the columns {", ".join(columns)}, was: '
            f"{', '.join(present)}; name the columns on the source (tokens and tags, or texts)"
        )
    return dataset.select_columns(list(columns))


def _is_folder(origin: Origin) -> bool:
    folder = origin.root / origin.name
    if (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file():
        return True
    if origin.name.startswith((".", "/")) and not folder.exists():
        raise DataError(
            f"Name must be a folder written by save_to_disk, was: {origin.name!r}, relative to the "
            f"recipe's folder: {folder.absolute()}"
        )
    return False


def _files(origin: Origin) -> list[Path]:
    paths = [(origin.root / name).absolute() for name in origin.data_files]
    for name, path in zip(origin.data_files, paths, strict=True):
        if not path.is_file():
            raise DataError(
                f"data_files must name files, was: {name!r}, relative to the recipe's folder: "
                f"{path}"
            )
    return paths


def look_again() -> None:
    """Ask the hub anew for the commits of branches: between two runs they may have moved."""
    _commit.cache_clear()


@lru_cache(maxsize=64)  # asked once a process: a branch must not move within a run
def _commit(origin: Origin) -> str:
    """The commit a revision stands for: a branch moves, and results must not move with it."""
    name, revision = origin.name, origin.revision
    if revision is not None and _COMMIT.fullmatch(revision):
        return revision
    hub = require("huggingface_hub", "datasets")
    errors = require("huggingface_hub.errors", "datasets")
    try:
        return str(hub.HfApi().dataset_info(name, revision=revision).sha)
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise DataError(f'Dataset "{name}" must be on the hub, was: {error}') from error
    # the bases are the errors of the HTTP library, whichever the installed version is built on
    except (OSError, *errors.HfHubHTTPError.__bases__) as error:
        raise TransientError(
            f'Hub must be reachable for "{name}", was: {error}; set revision to a whole commit '
            "to do without"
        ) from error
