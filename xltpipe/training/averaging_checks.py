"""Averaging, before it: may these checkpoints be averaged at all? If not, what differs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xltpipe.durable import digest_file
from xltpipe.errors import DataError
from xltpipe.json_text import loads
from xltpipe.training.sentences import SETTINGS

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
INDEX = "model.safetensors.index.json"

# Says who wrote a config, not what the model is; weights have their own types in their files.
_INCIDENTAL = frozenset({"_name_or_path", "transformers_version", "dtype", "torch_dtype"})
# What a run began with. How it was trained from there (epochs, rate, order) may differ.
_BEGINNING = ("kind", "task", "model", "model!", "revision", "config")
_LONGEST = 80  # characters of a value in an error
_HEADER_LIMIT = 100_000_000  # bytes, as the format itself allows

Layout = dict[str, tuple[str, tuple[int, ...]]]
"""Type and shape of each tensor, in the order of the file."""


@dataclass(frozen=True, slots=True)
class Header:
    """The head of a safetensors file: its bytes as they stand there, and what they say."""

    content: bytes
    layout: Layout


def check_alike(checkpoints: Sequence[Path], *, allow_head_mismatch: bool) -> None:
    """Check that averaging these checkpoints means something.

    Raises:
        DataError: fewer than two, one named twice, or they differ in architecture, label map,
            vocabulary, starting model, seed of the head, or in names, types or shapes of tensors.
    """
    places = [path.resolve() for path in checkpoints]
    if len(places) < 2 or len(set(places)) < len(places):
        raise DataError(
            "Checkpoints must be two or more different folders, was: "
            f"{', '.join(map(str, checkpoints)) or 'none'}"
        )
    first, *others = checkpoints
    known = _facts(first)
    for other in others:
        found = _facts(other)
        differing = sorted(k for k in known.keys() | found.keys() if known.get(k) != found.get(k))
        if allow_head_mismatch:
            differing = [key for key in differing if key != f"{SETTINGS}: head_seed"]
        if differing:
            raise DataError(_differ(first, other, differing, known, found))
    if f"{SETTINGS}: head_seed" not in known and not allow_head_mismatch:
        raise DataError(
            f"Checkpoints must have a {SETTINGS} that names the seed of their head, was: none in "
            f"{first} and the others; if all began with the same head, say so: "
            "--allow-head-mismatch"
        )


def _differ(
    first: Path, other: Path, keys: Sequence[str], known: dict[str, Any], found: dict[str, Any]
) -> str:
    shown = "; ".join(
        f"{key} is {_short(known.get(key))} and {_short(found.get(key))}" for key in keys[:8]
    )
    more = f"; and {len(keys) - 8} more" if len(keys) > 8 else ""
    remedy = "train all from one beginning"
    if f"{SETTINGS}: head_seed" in keys:
        remedy += ", with the same head_seed (heads drawn apart do not average)"
    return (
        f"Checkpoints must be alike to be averaged, was: in {first} and {other} {shown}{more}; "
        f"{remedy}"
    )


def _short(value: object) -> str:
    text = "not there" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _facts(folder: Path) -> dict[str, Any]:
    config = _json(folder / CONFIG)
    facts = {f"{CONFIG}: {k}": v for k, v in config.items() if k not in _INCIDENTAL}
    if (folder / SETTINGS).is_file():
        settings = _json(folder / SETTINGS)
        facts |= {f"{SETTINGS}: {k}": settings[k] for k in _BEGINNING if k in settings}
        drawn = settings.get("head_seed")
        facts[f"{SETTINGS}: head_seed"] = settings.get("seed") if drawn is None else drawn
    if (folder / TOKENIZER).is_file():
        facts[TOKENIZER] = digest_file(folder / TOKENIZER)[:12]
    for name in weights(folder):
        for key, (kind, shape) in header(folder / name).layout.items():
            facts[f"{name}: {key}"] = [kind, *shape]
    return facts


def weights(folder: Path) -> list[str]:
    """The names of the weight files of a checkpoint.

    Raises:
        DataError: there is none.
    """
    found = sorted(path.name for path in folder.glob("model*.safetensors"))
    if not found:
        raise DataError(
            f"Checkpoint must be a folder with safetensors weights, was: {folder}; save it as such "
            "(save_pretrained does)"
        )
    return found


def header(file: Path) -> Header:
    """Read the head of a safetensors file.

    Raises:
        DataError: it is another kind of file, or cut off.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as opened:
            start = opened.read(8)
            length = int.from_bytes(start, "little")
            text = opened.read(length if length <= min(_HEADER_LIMIT, size - 8) else 0)
        said = loads(text)
        said.pop("__metadata__", None)
        ordered = sorted(said.items(), key=lambda item: item[1]["data_offsets"])
        layout = {name: (one["dtype"], tuple(one["shape"])) for name, one in ordered}
        missing = 8 + length + max((o["data_offsets"][1] for _, o in ordered), default=0) - size
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"Weights must be a safetensors file, was: {file} ({error})") from error
    if missing:
        raise DataError(
            f"Weights must be a safetensors file, was: {file} (its length is not what it says)"
        )
    return Header(start + text, layout)


def _json(path: Path) -> dict[str, Any]:
    try:
        return dict(loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"Checkpoint must be a folder with a {path.name} that can be read, was: {path.parent} "
            f"({error})"
        ) from error
