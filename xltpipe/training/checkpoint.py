"""Checkpoint: finds and opens the pretrained model a recipe names, or says what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xltpipe.durable import digest_file
from xltpipe.errors import RecipeError, require

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_PATIENCE = 10  # seconds for the hub to answer
_NEEDED = (".json", ".safetensors", ".model", ".txt")  # weights, config and tokenizer files


def fingerprint(name: str) -> dict[str, str]:
    """sha256 over names and contents of a model's folder; nothing for a hub name.

    Raises:
        RecipeError: the name is a path and there is no folder.
    """
    folder = _folder(name)
    if folder is None:
        return {}
    files = sorted(p for p in folder.iterdir() if p.suffix in _NEEDED and p.is_file())
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {digest_file(file)}\n".encode())
    return {"model": digest.hexdigest()}


def load_as(
    model_class: str,
    name: str,
    revision: str,
    settings: Mapping[str, Any],
    length: int,
    *,
    fast: bool = True,
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """The model as one of transformers' auto classes reads it, and its tokenizer.

    Raises:
        RecipeError: it cannot be had, takes less than `length` tokens, or its tokenizer is not
            `fast` (which it need not be where no word is looked for in its tokens).
    """
    transformers = require("transformers", "train")
    source, where, trouble = _locate(name, revision)
    try:
        with quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                source, trust_remote_code=False, **where
            )
            model = getattr(transformers, model_class).from_pretrained(
                source, use_safetensors=True, trust_remote_code=False, **settings, **where
            )
    except (OSError, ValueError) as error:
        raise RecipeError(
            "Model must be a folder with config, fast tokenizer and safetensors weights, or the "
            f"name of such a model on a hub that can be reached, was: {name!r} "
            f"(revision {revision!r}: {trouble or _first_line(error)}); check the name and the "
            "network, or give the path of a copy"
        ) from error
    _check_fit(name, model, tokenizer, length, fast=fast)
    return model, tokenizer


def _locate(name: str, revision: str) -> tuple[str, dict[str, Any], str]:
    """What to open, how, and why the hub could not be asked, if so.

    One question to the hub gives the commit behind the revision; where it has no answer only
    the local cache is looked at, since from_pretrained would try again for most of a minute.
    """
    folder = _folder(name)
    if folder is not None:
        return str(folder), {"local_files_only": True}, ""
    try:
        commit = require("huggingface_hub", "train").model_info(
            name, revision=revision, timeout=_PATIENCE
        )
    except Exception as error:  # noqa: BLE001 - the hub's HTTP library, and so its errors, change
        return name, {"revision": revision, "local_files_only": True}, _first_line(error)
    return name, {"revision": commit.sha}, ""


@contextmanager
def quiet() -> Iterator[None]:
    """No progress bars of transformers meanwhile: progress is shown in one place."""
    logging = require("transformers", "train").utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _check_fit(
    name: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    length: int,
    *,
    fast: bool,
) -> None:
    if fast and not tokenizer.is_fast:
        raise RecipeError(
            f"Model must have a fast tokenizer (tokenizer.json), was: {name!r}; words cannot be "
            "found in its tokens without offsets"
        )
    positions = getattr(model.config, "max_position_embeddings", None) or length
    limit = min(tokenizer.model_max_length, positions)
    if length > limit:
        raise RecipeError(
            f"max_tokens must be at most {limit} for model {name!r}, was: {length}; "
            "sentences that are longer are cut into windows, dialogues from the left"
        )


def _folder(name: str) -> Path | None:
    """The folder that a name means; None for a hub name."""
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if name.startswith((".", "/", "~")):
        raise RecipeError(
            f"Model must be a folder that is there, was: {name!r} (looked at "
            f"{folder.absolute()}); correct the path, or give the name of a model on the hub"
        )
    return None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
