"""Convert: a Hugging Face translation model becomes a CTranslate2 directory that describes itself.

Whole or not there: all is written aside, compared with the original, and renamed at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from xltpipe import durable
from xltpipe.checksums import write_checksums
from xltpipe.errors import RecipeError
from xltpipe.translation.agreement import check_agreement
from xltpipe.translation.codec import codec
from xltpipe.translation.converted_card import Conversion, card
from xltpipe.translation.converted_description import described
from xltpipe.translation.converted_source import Source, examine
from xltpipe.translation.converted_weights import Quantization, convert_weights
from xltpipe.translation.description import FILE, Description, vocabulary
from xltpipe.translation.fidelity import Fidelity, compare

CARD = "MODEL_CARD.md"


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written where; `fidelity` is None if the original was not asked."""

    model: Path
    description: Description
    fidelity: Fidelity | None
    licence: str


def convert(
    home: Path,
    output: Path,
    *,
    quantization: Quantization,
    languages: Sequence[str] = (),
    prompt: str | None = None,
    licence: str | None = None,
    force: bool = False,
    check: bool = True,
) -> Converted:
    """Convert the model in `home` to a new directory `output`.

    Args:
        home: a local directory with config.json, weights and tokenizer.
        output: the directory to write; its parent must be there.
        quantization: how weights are stored.
        languages: see `described`.
        prompt: see `described`.
        licence: of the model; None: as the card in `home` states it.
        force: replace a model that is in `output` already.
        check: score random pieces with both models (needs memory for the original, in float32).

    Raises:
        RecipeError: the source cannot be converted, the output is there, or the converted model
            does not say what the original says.
        MissingExtraError: transformers or torch is not installed.
    """
    source = examine(home)
    _check_place(output, source, force=force)
    # never the same name twice: what was read of a directory is remembered by its path
    aside = output.with_name(f".{output.name}.{uuid4().hex[:8]}.part")
    try:
        convert_weights(source, aside, quantization)
        done = _dressed(source, aside, output.name, quantization, languages, prompt, licence, check)
        _put(aside, output)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Converted(output, done.description, done.fidelity, done.licence)


def _dressed(
    source: Source,
    model: Path,
    name: str,
    quantization: Quantization,
    languages: Sequence[str],
    prompt: str | None,
    licence: str | None,
    check: bool,  # noqa: FBT001 - passed on
) -> Conversion:
    """Put tokenizer, description, card and checksums beside the weights."""
    description = described(source, model, languages, prompt)
    said = description.tokenizer
    for file in dict.fromkeys((said.source, said.target or said.source)):
        if not (source.home / file).is_file():
            raise RecipeError(f"Source must hold {file}, was: {source.home} without it")
        shutil.copyfile(source.home / file, model / file)
    text = description.model_dump_json(indent=2, exclude_defaults=True)
    (model / FILE).write_text(text + "\n", "utf-8")
    check_agreement(model, description)
    fidelity = compare(source, model, description, quantization) if check else None
    done = Conversion(name, source, description, quantization, fidelity, licence)
    (model / CARD).write_text(card(done, model), "utf-8")
    write_checksums(model)
    return done


def _check_place(output: Path, source: Source, *, force: bool) -> None:
    parent = output.absolute().parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise RecipeError(
            f"Output must lie in a folder that is there and can be written, was: {output}"
        )
    if source.home.resolve().is_relative_to(output.resolve()):
        raise RecipeError(f"Output must not hold the source, was: {output}")
    if not output.exists():
        return
    if not force:
        raise RecipeError(
            f"Output must not be there, was: {output}; choose another, or --force to replace it"
        )
    if not (output / "model.bin").is_file():
        raise RecipeError(
            f"Output to replace must be a CTranslate2 model, was: {output} (no model.bin); "
            "remove it yourself if that is what you want"
        )


def _put(aside: Path, output: Path) -> None:
    durable.replace_folder(aside, output)
    for remembered in (codec, vocabulary, check_agreement):
        remembered.cache_clear()
